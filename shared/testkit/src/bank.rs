//! A bank with a little life in it: customers with accounts, and the shortest way to move money between them.

use aws::ledger::transfers::{PostError, Posted};
use domain::{
    Currency, Money, Timestamp,
    account::{Account, AccountStatus, Balance},
    id::{AccountId, TransferId, derive},
    number::AccountNumber,
    transfer::{Accounts, Authority, Command, HoldTerms, Kind, decide},
};

use crate::{Stack, customer};

/// Money of a currency, from text.
pub fn money(text: &str, currency: &str) -> Money {
    let currency = Currency::parse(currency).expect("a currency");
    Money::parse_or_zero(text, currency).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The id that a name stands for.
pub fn transfer_id(name: &str) -> TransferId {
    TransferId::from_bytes(derive(&["test transfer", name]))
}

/// What is asked of the bank, under a name that stands for the idempotency key.
pub fn command(name: &str, from: Option<&AccountId>, to: Option<&AccountId>, amount: Money) -> Command {
    Command {
        id: transfer_id(name),
        kind: match (from, to) {
            (None, _) => Kind::Deposit,
            (_, None) => Kind::Withdrawal,
            _ => Kind::Transfer,
        },
        money: amount,
        from: from.cloned(),
        to: to.cloned(),
        description: None,
        metadata: None,
        hold: None,
        initiator: "test".into(),
        authority: Authority::Bank,
    }
}

/// The same as a hold of this many seconds.
pub fn hold(name: &str, from: &AccountId, to: Option<&AccountId>, amount: Money, seconds: u64) -> Command {
    Command { hold: HoldTerms::new(seconds), ..command(name, Some(from), to, amount) }
}

impl Stack {
    /// An account of the customer that `name` stands for (made if need be) with this much on it.
    pub async fn account(&self, name: &str, currency: &str, amount: &str, now: Timestamp) -> Account {
        self.customer(name).await;
        let zero = Money::zero(Currency::parse(currency).expect("a currency"));
        let nth = self.database.table_stats().map_or(0, |stats| stats.iter().map(|table| table.item_count).sum());
        let seed = derive(&["test account", name, currency, &nth.to_string()]);
        let account = Account {
            id: AccountId::from_bytes(seed),
            number: AccountNumber::from_bytes(seed),
            owner: customer(name),
            kind: "checking".into(),
            currency: zero.currency(),
            status: AccountStatus::Active,
            balance: Balance::opening(zero),
            overdraft: zero,
            opened_at: now,
            version: 1,
        };
        let ledger = self.ledger();
        let opened = ledger.open_account(&account, &self.table("CustomersTable")).await.expect("the account opens");
        assert_eq!(opened, aws::ledger::accounts::Opened::Done);
        let amount = money(amount, currency);
        if !amount.is_zero() {
            let deposit = command(&format!("opening {}", account.id), None, Some(&account.id), amount);
            let posted = self.transfer(&deposit, now).await.expect("the deposit is posted");
            assert!(matches!(posted, Posted::Done(_)), "{posted:?}");
        }
        ledger.account(&account.id).await.expect("the account is read").expect("the account exists")
    }

    /// Decides and posts as the `transfers` function does.
    pub async fn transfer(&self, command: &Command, now: Timestamp) -> Result<Posted, PostError> {
        let ledger = self.ledger();
        let sides: Vec<_> = [&command.from, &command.to].into_iter().flatten().collect();
        let known = ledger.known(&command.id, &sides).await?;
        if let Some(before) = known.transfer {
            return Ok(Posted::Before(before));
        }
        let accounts = Accounts { from: known.account(command.from.as_ref()), to: known.account(command.to.as_ref()) };
        match decide(&accounts, command, now) {
            Ok(transfer) => ledger.post(&transfer).await,
            Err(rejection) => Ok(Posted::Refused(rejection)),
        }
    }

    /// The least a customer row has: enough to own accounts.
    async fn customer(&self, name: &str) {
        use aws_sdk_dynamodb::types::AttributeValue::S;
        let written = self
            .environment()
            .dynamodb()
            .put_item()
            .table_name(self.table("CustomersTable"))
            .item("pk", S(customer(name).to_string()))
            .item("sk", S("customer".into()))
            .item("status", S("active".into()))
            .condition_expression("attribute_not_exists(pk)")
            .send()
            .await;
        // Whoever is there already stays as he is.
        if let Err(error) = written {
            let there = error.as_service_error().is_some_and(|error| error.is_conditional_check_failed_exception());
            assert!(there, "the customer is written: {error:?}");
        }
    }
}
