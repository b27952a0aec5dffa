//! Accounts: opening, changing, finding; and the types they are of.
//!
//! An account row is never removed. Its number may be printed somewhere, a hold may still point at it, and the
//! repetition of the request that opened it must find it: what is deleted is closed.
//!
//! Lists come from indexes that hold keys only, so that a posting costs no index write; the rows themselves are then
//! read consistently. An account opened a moment ago may be missing from a list, never a balance be old in it.

use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Put, TransactWriteItem};
use domain::{
    Timestamp,
    account::{Account, AccountStatus, AccountType, Changed},
    id::{AccountId, CustomerId},
};

use super::{Ledger, rows};
use crate::{
    item::{Item, Read, key, money, number, text, unavailable},
    store::StoreError,
    write::{self, WriteError},
};

/// Partition key of the account types.
const TYPES: &str = "account-types";
/// Partition of the index of all accounts.
const LISTED: &str = "accounts";
/// Rows of an index read at a time; as many as one batch of rows takes.
const STEP: usize = 100;
/// After this many steps a filtered list answers with what it has found, and the place to go on from.
const MAX_STEPS: usize = 20;

/// How opening an account ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// Committed now.
    Done,
    /// There is an account with this id, opened before by an earlier or a simultaneous request.
    Before(Account),
    /// The number belongs to another account; try another.
    NumberTaken,
    /// There is no such customer.
    OwnerUnknown,
    /// The customer may not act.
    OwnerNotActive,
}

/// How a change of an account ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeOutcome {
    /// Committed; the account as it is now.
    Done(Account),
    /// The account is no longer as it was decided upon; this is how it stands.
    Moved(Account),
}

/// Whose accounts are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose<'a> {
    /// Everybody's.
    Everybodys,
    /// One customer's.
    Of(&'a CustomerId),
}

/// A page of accounts, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountsPage {
    /// The accounts.
    pub accounts: Vec<Account>,
    /// The place to go on from; `None` on the last page. A page with a next place may be short, even empty: the
    /// filter had looked far enough for one request.
    pub next: Option<String>,
}

/// Whether a text can be a place that [`Ledger::list_accounts`] answered. Ask this of whatever comes from outside.
pub fn is_place(text: &str) -> bool {
    text.split_once('#').is_some_and(|(at, id)| at.parse::<Timestamp>().is_ok() && AccountId::parse(id).is_some())
}

impl Ledger {
    /// Opens an account, if its owner is an active customer: account, number and the look at the owner's row in
    /// `customers_table` are one transaction, so that a customer deleted or blocked in between opens nothing.
    pub async fn open_account(&self, account: &Account, customers_table: &str) -> Result<Opened, StoreError> {
        let mut items = self.opening(account)?;
        items.push(self.owner_is_active(&account.owner, customers_table)?);
        match write::transact(&self.client, &self.meter, items).await {
            Ok(()) => Ok(Opened::Done),
            Err(WriteError::Cancelled(cancelled)) => {
                if let Some(existing) = cancelled.failed(0) {
                    let existing = existing.ok_or_else(|| StoreError::corrupt("account row"))?;
                    return Ok(Opened::Before(rows::account(existing)?));
                }
                match cancelled.failed(2) {
                    Some(None) => Ok(Opened::OwnerUnknown),
                    Some(Some(_)) => Ok(Opened::OwnerNotActive),
                    None => Ok(Opened::NumberTaken),
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The rows of a new account and of its number.
    pub(super) fn opening(&self, account: &Account) -> Result<Vec<TransactWriteItem>, StoreError> {
        let rows = [rows::account_item(account), number_item(account)];
        let put = |item| {
            write::put(
                Put::builder()
                    .table_name(&self.table)
                    .set_item(Some(item))
                    .condition_expression("attribute_not_exists(pk)"),
            )
        };
        rows.into_iter().map(put).collect::<Result<_, _>>().map_err(StoreError::from)
    }

    /// The look at the customer's row as `crate::customers` writes it.
    pub(super) fn owner_is_active(
        &self,
        owner: &CustomerId,
        customers_table: &str,
    ) -> Result<TransactWriteItem, StoreError> {
        write::check(
            ConditionCheck::builder()
                .table_name(customers_table)
                .set_key(Some(key(owner.as_str(), "customer")))
                .condition_expression("#status = :active")
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(":active", text("active")),
        )
        .map_err(StoreError::from)
    }

    /// Commits a change decided from `account` on the condition that status and overdraft limit are still what they
    /// were, that nothing but zero is on an account that closes, and that the version is still the one demanded, if
    /// one is. Postings that came in between do not matter otherwise: a busy account can be frozen.
    pub async fn change_account(
        &self,
        account: &Account,
        changed: &Changed,
        version: Option<u64>,
    ) -> Result<ChangeOutcome, StoreError> {
        let difference =
            changed.overdraft.checked_sub(account.overdraft).ok_or_else(|| StoreError::corrupt("overdraft"))?;
        let mut condition = vec!["#status = :was", "overdraft = :had"];
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(account.id.as_str(), rows::ACCOUNT)))
            .update_expression(
                "SET #status = :status, overdraft = :overdraft, available = available + :difference, \
                 #version = #version + :one",
            )
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":was", text(account.status.as_str()))
            .expression_attribute_values(":had", money(account.overdraft))
            .expression_attribute_values(":status", text(changed.status.as_str()))
            .expression_attribute_values(":overdraft", money(changed.overdraft))
            .expression_attribute_values(":difference", money(difference))
            .expression_attribute_values(":one", number(1));
        if changed.status == AccountStatus::Closed {
            condition.push("posted = :zero AND held = :zero");
            update = update.expression_attribute_values(":zero", number(0));
        }
        if let Some(version) = version {
            condition.push("#version = :demanded");
            update = update.expression_attribute_values(":demanded", number(version));
        }
        let update = update.condition_expression(condition.join(" AND "));
        match write::update_alone(&self.meter, update).await {
            Ok(row) => Ok(ChangeOutcome::Done(rows::account(&row)?)),
            Err(WriteError::Cancelled(cancelled)) => {
                let row =
                    cancelled.failed(0).flatten().ok_or_else(|| StoreError::corrupt("the account row is gone"))?;
                Ok(ChangeOutcome::Moved(rows::account(row)?))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// All accounts of a customer, closed ones included, newest first.
    pub async fn accounts_of(&self, owner: &CustomerId) -> Result<Vec<Account>, StoreError> {
        let (mut accounts, mut after) = (Vec::new(), None);
        loop {
            let (keys, more) = self.index_page(Whose::Of(owner), after.as_deref(), STEP).await?;
            accounts.extend(self.accounts_in_order(&keys).await?.into_iter().map(|(_, account)| account));
            match keys.last() {
                Some((place, _)) if more => after = Some(place.clone()),
                _ => return Ok(accounts),
            }
        }
    }

    /// Up to `limit` accounts, newest first, of one status if one is wanted, from `after` (a page's `next`) on.
    pub async fn list_accounts(
        &self,
        whose: Whose<'_>,
        status: Option<AccountStatus>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<AccountsPage, StoreError> {
        let mut after = after.map(str::to_owned);
        let mut found: Vec<(String, Account)> = Vec::new();
        for _ in 0..MAX_STEPS {
            let step = if status.is_none() { (limit + 1 - found.len()).min(STEP) } else { STEP };
            let (keys, more) = self.index_page(whose, after.as_deref(), step).await?;
            after = keys.last().map(|(place, _)| place.clone());
            let accounts = self.accounts_in_order(&keys).await?;
            found.extend(
                accounts.into_iter().filter(|(_, account)| status.is_none_or(|wanted| wanted == account.status)),
            );
            if found.len() > limit {
                found.truncate(limit);
                after = found.last().map(|(place, _)| place.clone());
                break;
            }
            if !more {
                after = None;
                break;
            }
        }
        Ok(AccountsPage { accounts: found.into_iter().map(|(_, account)| account).collect(), next: after })
    }

    /// One read of an index: places and ids, newest first, and whether there are more.
    async fn index_page(
        &self,
        whose: Whose<'_>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<(String, AccountId)>, bool), StoreError> {
        let (index, hash, range, partition) = match whose {
            Whose::Everybodys => ("listed", "list_key", "list_sort", LISTED),
            Whose::Of(owner) => ("owners", "owner", "opened_key", owner.as_str()),
        };
        let mut condition = "#hash = :partition".to_owned();
        let mut query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(index)
            .expression_attribute_names("#hash", hash)
            .expression_attribute_values(":partition", text(partition))
            .scan_index_forward(false)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        if let Some(after) = after {
            condition.push_str(" AND #range < :after");
            query = query
                .expression_attribute_names("#range", range)
                .expression_attribute_values(":after", AttributeValue::S(after.to_owned()));
        }
        let answer = query.key_condition_expression(condition).send().await.map_err(unavailable)?;
        let more = answer.last_evaluated_key.is_some_and(|key| !key.is_empty());
        let keys = answer.items.unwrap_or_default();
        let keys = keys.iter().map(|item| Ok((item.text(range)?.to_owned(), item.parsed("pk", AccountId::parse)?)));
        Ok((keys.collect::<Result<Vec<_>, StoreError>>()?, more))
    }

    /// The rows behind index keys as they stand, in the order of the keys.
    async fn accounts_in_order(&self, keys: &[(String, AccountId)]) -> Result<Vec<(String, Account)>, StoreError> {
        let wanted = keys.iter().map(|(_, id)| key(id.as_str(), rows::ACCOUNT)).collect();
        let rows = self.batch_get(wanted).await?;
        let mut accounts = rows.iter().map(rows::account).collect::<Result<Vec<_>, _>>()?;
        let mut take = |id: &AccountId| {
            let place = accounts.iter().position(|account| account.id == *id)?;
            Some(accounts.swap_remove(place))
        };
        Ok(keys.iter().filter_map(|(place, id)| Some((place.clone(), take(id)?))).collect())
    }

    /// An account type, one of the first ones included.
    pub async fn account_type(&self, code: &str) -> Result<Option<AccountType>, StoreError> {
        if let Some(kind) = first_type(code) {
            return Ok(Some(kind));
        }
        self.get(key(TYPES, code)).await?.as_ref().map(account_type).transpose()
    }

    /// All account types by their codes.
    pub async fn account_types(&self) -> Result<Vec<AccountType>, StoreError> {
        let (mut types, mut from) = (AccountType::first_ones(), None);
        loop {
            let answer = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("pk = :types")
                .expression_attribute_values(":types", text(TYPES))
                .consistent_read(true)
                .set_exclusive_start_key(from)
                .send()
                .await
                .map_err(unavailable)?;
            for item in answer.items.unwrap_or_default() {
                types.push(account_type(&item)?);
            }
            from = answer.last_evaluated_key.filter(|key| !key.is_empty());
            if from.is_none() {
                types.sort_by(|a, b| a.code.cmp(&b.code));
                return Ok(types);
            }
        }
    }

    /// Offers a new type. `false` if its code is taken.
    pub async fn add_account_type(&self, kind: &AccountType) -> Result<bool, StoreError> {
        if first_type(&kind.code).is_some() {
            return Ok(false);
        }
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(account_type_item(kind)))
            .condition_expression("attribute_not_exists(pk)");
        match put.send().await {
            Ok(_) => Ok(true),
            Err(error)
                if error.as_service_error().is_some_and(|error| error.is_conditional_check_failed_exception()) =>
            {
                Ok(false)
            }
            Err(error) => Err(unavailable(error)),
        }
    }
}

fn first_type(code: &str) -> Option<AccountType> {
    AccountType::first_ones().into_iter().find(|kind| kind.code == code)
}

fn number_item(account: &Account) -> Item {
    let mut item = key(rows::number_key(&account.number), rows::NUMBER);
    item.insert("account_id".to_owned(), text(account.id.as_str()));
    item
}

fn account_type_item(kind: &AccountType) -> Item {
    let mut item = key(TYPES, &kind.code);
    for (name, value) in [
        ("name", kind.name.as_str()),
        ("description", &kind.description),
        ("monthly_fee", &kind.monthly_fee),
        ("interest_rate", &kind.interest_rate),
        ("status", if kind.active { "active" } else { "inactive" }),
    ] {
        item.insert(name.to_owned(), text(value));
    }
    item
}

fn account_type(item: &Item) -> Result<AccountType, StoreError> {
    Ok(AccountType {
        code: item.text("sk")?.to_owned(),
        name: item.text("name")?.to_owned(),
        description: item.text("description")?.to_owned(),
        monthly_fee: item.text("monthly_fee")?.to_owned(),
        interest_rate: item.text("interest_rate")?.to_owned(),
        active: item.text("status")? == "active",
    })
}
