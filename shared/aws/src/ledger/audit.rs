//! The ledger recomputed from its rows.
//!
//! Accounts are compared with the sum of their entries, system accounts are nothing but the sum of theirs. Money that
//! moves during the scan makes an account look wrong for a moment, and so does an index that lags behind its table: a
//! difference is believed only when it has stood still for a while. The bank adds up by its entries alone, whatever is
//! traded; wallets are compared with what came into them, in moments in which nothing is being settled.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::{Duration, Instant},
};

use domain::{
    Money,
    account::Account,
    audit::{AssetBooks, Audit, Finding, Tally},
    id::AccountId,
    instrument::Asset,
    transfer::{Party, State, Transfer},
    wallet::Wallet,
};
use rust_decimal::Decimal;

use super::{
    Ledger,
    history::{History, Window},
    rows::{self, Shelf},
    wallets,
};
use crate::{
    exchange::{Exchange, ExchangeBooks},
    item::{Item, Read, unavailable},
    store::StoreError,
};

/// A difference that stands for this long is believed; an index follows its table well within.
const STANDSTILL: Duration = Duration::from_secs(2);
/// Accounts that still move after this long are left to the next audit.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often wallets are counted that do not add up, or trade.
const LOOKS: u32 = 3;
/// Between one look at the accounts in doubt and the next.
const PAUSE: Duration = Duration::from_millis(100);

/// An account that its entries did not explain when it was last looked at.
struct Doubt {
    account: Account,
    /// Its entries as the scan read them.
    scanned: Tally,
    /// Its entries as they were read last.
    tally: Tally,
    /// Since when neither the account nor its entries have changed.
    since: Instant,
}

/// What one scan of the table has seen.
#[derive(Default)]
struct Scan {
    audit: Audit,
    accounts: Vec<Account>,
    tallies: HashMap<AccountId, Tally>,
    wallets: Wallets,
}

/// What a scan has seen of all wallets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Wallets {
    rows: u64,
    /// Sum of their versions: it grows with every change of any of them.
    changes: u64,
    held: BTreeMap<Asset, Decimal>,
    from_bank: BTreeMap<Asset, Decimal>,
}

impl Ledger {
    /// Recomputes the bank. Reads every row of the table once, and the entries of accounts that moved meanwhile.
    pub async fn audit(&self) -> Result<Audit, StoreError> {
        self.audit_with(None).await
    }

    /// Recomputes the bank and the exchange. Wallets that do not add up are counted again: a difference is believed
    /// when it is the same twice and nothing has moved in between; an asset that keeps moving is said to.
    pub async fn audit_with(&self, exchange: Option<&Exchange>) -> Result<Audit, StoreError> {
        let Some(exchange) = exchange else {
            let scan = self.scan().await?;
            return self.judge(scan).await;
        };
        let mut before = exchange.books().await?;
        let first = self.scan().await?;
        let mut after = exchange.books().await?;
        let mut wallets = first.wallets.clone();
        let mut audit = self.judge(first).await?;
        let mut believed = BTreeMap::new();
        for look in 1..=LOOKS {
            audit.wallets = wallets.rows;
            audit.assets = asset_books(&wallets, &after, |asset| after.lags(asset) || !before.agrees(&after, asset));
            let open = |(asset, books): &(&Asset, &AssetBooks)| {
                books.moving || (!books.is_clean() && believed.get(*asset) != Some(*books))
            };
            if look == LOOKS || !audit.assets.iter().any(|asset| open(&asset)) {
                break;
            }
            let counted = (wallets, std::mem::take(&mut audit.assets));
            tokio::time::sleep(PAUSE).await;
            before = exchange.books().await?;
            wallets = self.scan().await?.wallets;
            after = exchange.books().await?;
            // Seen twice with nothing moved between the two: wrong, not in motion.
            believed = if wallets == counted.0 { counted.1 } else { BTreeMap::new() };
        }
        for (asset, books) in &mut audit.assets {
            books.moving |= !books.is_clean() && believed.get(asset) != Some(books);
        }
        Ok(audit)
    }

    async fn scan(&self) -> Result<Scan, StoreError> {
        let mut scan = Scan::default();
        let mut from: Option<Item> = None;
        loop {
            let answer = self
                .client
                .scan()
                .table_name(&self.table)
                .consistent_read(true)
                .set_exclusive_start_key(from.take())
                .send()
                .await
                .map_err(unavailable)?;
            for item in answer.items.unwrap_or_default() {
                match item.text("sk")? {
                    rows::ACCOUNT => scan.accounts.push(rows::account(&item)?),
                    rows::TRANSFER => {
                        let transfer = rows::transfer(&item)?;
                        count(&transfer, &mut scan.audit, &mut scan.tallies)?;
                        scan.wallets.count_transfer(&transfer)?;
                    }
                    rows::WALLET => scan.wallets.count(&wallets::wallet(&item)?)?,
                    _ => {}
                }
            }
            from = answer.last_evaluated_key.filter(|key| !key.is_empty());
            if from.is_none() {
                return Ok(scan);
            }
        }
    }

    async fn judge(&self, scan: Scan) -> Result<Audit, StoreError> {
        let Scan { mut audit, accounts, mut tallies, .. } = scan;
        let mut doubts = Vec::new();
        for account in accounts {
            let scanned = tallies.remove(&account.id).unwrap_or_else(|| Tally::new(account.currency));
            if scanned.explains(&account) {
                count_account(&account, &scanned, &scanned, &mut audit)?;
            } else {
                doubts.push(Doubt { account, scanned, tally: scanned, since: Instant::now() });
            }
        }
        for (id, scanned) in tallies {
            match self.account(&id).await? {
                // Opened while the scan was under way, behind its back.
                Some(account) => doubts.push(Doubt { account, scanned, tally: scanned, since: Instant::now() }),
                // Entries whose account row is gone: money nobody holds.
                None if !scanned.posted.is_zero() => audit.find(Finding::of_lost(id, scanned)),
                None => {}
            }
        }
        self.settle(doubts, &mut audit).await?;
        Ok(audit)
    }

    /// Looks at the accounts in doubt again and again until each is explained, believed to be wrong, or given up on
    /// because it keeps moving.
    async fn settle(&self, mut doubts: Vec<Doubt>, audit: &mut Audit) -> Result<(), StoreError> {
        let started = Instant::now();
        while !doubts.is_empty() {
            let mut left = Vec::new();
            for mut doubt in doubts {
                let Some(explained) = self.look(&mut doubt).await? else { continue };
                if explained || doubt.since.elapsed() >= STANDSTILL {
                    count_account(&doubt.account, &doubt.scanned, &doubt.tally, audit)?;
                } else if started.elapsed() >= PATIENCE {
                    let counted = audit.add_moving(&doubt.account, &doubt.scanned);
                    counted.ok_or_else(|| StoreError::corrupt("sum of accounts"))?;
                } else {
                    left.push(doubt);
                }
            }
            doubts = left;
            if !doubts.is_empty() {
                tokio::time::sleep(PAUSE).await;
            }
        }
        Ok(())
    }

    /// Reads entries and row anew; whether the entries explain the row as it was before or after. `None` if the row is
    /// gone.
    async fn look(&self, doubt: &mut Doubt) -> Result<Option<bool>, StoreError> {
        let tally = self.tally(&doubt.account).await?;
        let Some(account) = self.account(&doubt.account.id).await? else { return Ok(None) };
        let explained = tally.explains(&doubt.account);
        if account.version != doubt.account.version || tally != doubt.tally {
            doubt.since = Instant::now();
        }
        doubt.tally = tally;
        if !explained {
            doubt.account = account;
        }
        Ok(Some(explained || tally.explains(&doubt.account)))
    }

    /// Entries and holds of one account, from its index partitions.
    async fn tally(&self, account: &Account) -> Result<Tally, StoreError> {
        let mut tally = Tally::new(account.currency);
        for shelf in [Shelf::Posted, Shelf::Other] {
            let mut history = History::new(self, Window::default(), None, usize::MAX - 1);
            history.add(rows::account_side(&account.id, shelf));
            while let Some((_, transfer)) = history.next().await? {
                add(&transfer, &account.id, &mut tally)?;
            }
        }
        Ok(tally)
    }
}

impl Wallets {
    fn count(&mut self, wallet: &Wallet) -> Result<(), StoreError> {
        (self.rows, self.changes) = (self.rows + 1, self.changes + wallet.version);
        for (asset, holding) in &wallet.holdings {
            let total = holding.free.checked_add(holding.locked).ok_or_else(|| StoreError::corrupt("holding"))?;
            grow(&mut self.held, asset, total)?;
        }
        Ok(())
    }

    fn count_transfer(&mut self, transfer: &Transfer) -> Result<(), StoreError> {
        let Some((amount, _)) = transfer.posted() else { return Ok(()) };
        let sign = match (&transfer.debit, &transfer.credit) {
            (_, Party::Wallet(_)) => Decimal::ONE,
            (Party::Wallet(_), _) => -Decimal::ONE,
            _ => return Ok(()),
        };
        let asset = Asset::parse(amount.currency().code()).ok_or_else(|| StoreError::corrupt("currency"))?;
        grow(&mut self.from_bank, &asset, amount.amount() * sign)
    }
}

fn grow(sums: &mut BTreeMap<Asset, Decimal>, asset: &Asset, amount: Decimal) -> Result<(), StoreError> {
    let sum = sums.entry(asset.clone()).or_default();
    *sum = sum.checked_add(amount).ok_or_else(|| StoreError::corrupt("sum of wallets"))?;
    Ok(())
}

fn asset_books(
    wallets: &Wallets,
    books: &ExchangeBooks,
    moving: impl Fn(&Asset) -> bool,
) -> BTreeMap<Asset, AssetBooks> {
    let sums = [&wallets.held, &wallets.from_bank, &books.fees, &books.granted];
    let assets: BTreeSet<_> = sums.iter().flat_map(|sums| sums.keys()).collect();
    let books = |asset: &Asset| {
        let [wallets, from_bank, fees, granted] = sums.map(|sums| sums.get(asset).copied().unwrap_or_default());
        AssetBooks { wallets, from_bank, fees, granted, moving: moving(asset) }
    };
    assets.into_iter().map(|asset| (asset.clone(), books(asset))).collect()
}

fn count_account(account: &Account, scanned: &Tally, confirmed: &Tally, audit: &mut Audit) -> Result<(), StoreError> {
    audit.add_account(account, scanned, confirmed).ok_or_else(|| StoreError::corrupt("sum of accounts"))
}

fn count(transfer: &Transfer, audit: &mut Audit, tallies: &mut HashMap<AccountId, Tally>) -> Result<(), StoreError> {
    audit.transfers += 1;
    for party in [&transfer.debit, &transfer.credit] {
        if let Party::Account { id, .. } = party {
            let tally = tallies.entry(id.clone()).or_insert_with(|| Tally::new(transfer.currency()));
            add(transfer, id, tally)?;
        }
    }
    let Some((amount, _)) = transfer.posted() else { return Ok(()) };
    for (party, sign) in [(&transfer.debit, -1), (&transfer.credit, 1)] {
        let moved = if sign < 0 { amount.negated() } else { amount };
        let counted = match party {
            Party::System(system) => audit.add_system(*system, moved),
            Party::Wallet(_) => audit.add_wallet_entry(moved),
            Party::Account { .. } => Some(()),
        };
        counted.ok_or_else(|| StoreError::corrupt("system sum"))?;
    }
    Ok(())
}

fn add(transfer: &Transfer, id: &AccountId, tally: &mut Tally) -> Result<(), StoreError> {
    let (debited, credited) = (transfer.debit.account() == Some(id), transfer.credit.account() == Some(id));
    if transfer.currency() != tally.posted.currency() {
        return Err(StoreError::corrupt("an entry in another currency than its account"));
    }
    let sum = |to: Money, what: Money| to.checked_add(what).ok_or_else(|| StoreError::corrupt("tally"));
    if let Some((amount, _)) = transfer.posted() {
        if debited {
            tally.posted = sum(tally.posted, amount.negated())?;
        }
        if credited {
            tally.posted = sum(tally.posted, amount)?;
        }
    }
    if debited && matches!(transfer.state, State::Pending { .. }) {
        tally.held = sum(tally.held, transfer.money)?;
    }
    Ok(())
}
