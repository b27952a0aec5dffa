//! The reports once more, straight from the objects: slow, obvious, and without a word of SQL.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    Timestamp,
    account::{Account, AccountStatus},
    transfer::{Kind, Party, Transfer},
};
use rust_decimal::{Decimal, RoundingStrategy};

use crate::world::{Row, World, amount, at, moment, text};

/// A row: its cells as text, nothing for null.
pub type Cells = Vec<String>;

/// What a report is asked for, beyond its defaults.
pub struct Case {
    pub report: &'static str,
    pub query: &'static str,
    pub truth: fn(&World) -> Vec<Cells>,
}

const fn case(report: &'static str, query: &'static str, truth: fn(&World) -> Vec<Cells>) -> Case {
    Case { report, query, truth }
}

/// The comparisons. Every report stands here at least once; a test sees to it.
pub const CASES: &[Case] = &[
    case("executive-dashboard", "", |world| dashboard(world, "2025-01")),
    case("executive-dashboard", "month=2024-02", |world| dashboard(world, "2024-02")),
    case("executive-dashboard", "month=2024-12", |world| dashboard(world, "2024-12")),
    case("customers-summary", "", customers_summary),
    case("customers-by-status", "", customers_by_status),
    case("customers-list", "top=5", |world| customers_list(world, 5)),
    case("active-customers", "", active_customers),
    case("customers-with-accounts", "top=3", |world| customers_with_accounts(world, 3)),
    case("accounts-summary", "", accounts_summary),
    case("accounts-by-type", "", accounts_by_type),
    case("top-balances", "top=2", |world| top_balances(world, 2)),
    case("totals-by-currency", "", totals_by_currency),
    case("transfers-summary", "", |world| transfers_summary(world, "2024-02-01", "2025-01-02")),
    case("transfers-summary", "since=2024-02-29&before=2024-03-01", |world| {
        transfers_summary(world, "2024-02-29", "2024-03-01")
    }),
    case("transfers-summary", "since=2023-12-31&before=2024-01-01", |world| {
        transfers_summary(world, "2023-12-31", "2024-01-01")
    }),
    case("transfers-by-month", "", |world| transfers_by_month(world, "2024-02")),
    case("transfers-by-month", "months=13", |world| transfers_by_month(world, "2024-01")),
    case("transfers-by-month", "months=1", |world| transfers_by_month(world, "2025-01")),
    case("transfers-by-type", "since=2023-12-01&before=2024-12-31", |world| {
        transfers_by_type(world, "2023-12-01", "2024-12-31")
    }),
    case("transfers-by-status", "since=2024-01-01&before=2025-01-01", |world| {
        transfers_by_status(world, "2024-01-01", "2025-01-01")
    }),
    case("recent-transfers", "top=20", |world| recent_transfers(world, 20)),
    case("daily-activity", "days=366", |world| daily_activity(world, "2024-01-02")),
    case("daily-activity", "days=2", |world| daily_activity(world, "2024-12-31")),
    case("transfer-volume", "since=2024-01-31&before=2024-03-01", |world| {
        transfer_volume(world, "2024-01-31", "2024-03-01")
    }),
    case("vip-customers", "threshold=1", |world| vip_customers(world, 1)),
    case("vip-customers", "threshold=2500.50&top=1", vip_customers_above),
    case("maintenance-income", "months=14", |world| maintenance_income(world, 14)),
    case("maintenance-income", "", |world| maintenance_income(world, 12)),
    case("trading-volume", "since=2024-02-29&before=2025-01-01", |world| {
        trading_volume(world, "2024-02-29", "2025-01-01")
    }),
    case("trading-fees", "since=2023-12-31&before=2024-12-31", |world| trading_fees(world, "2023-12-31", "2024-12-31")),
    case("open-interest", "", open_interest),
    case("recent-trades", "top=9", |world| recent_trades(world, 9)),
    case("recent-orders", "top=9", |world| recent_orders(world, 9)),
    case("voucher-sales", "since=2023-12-31&before=2025-01-01", |world| {
        voucher_sales(world, "2023-12-31", "2025-01-01")
    }),
    case("voucher-delivery-times", "since=2023-12-31&before=2025-01-02", |world| {
        delivery_times(world, "2023-12-31", "2025-01-02")
    }),
    case("ledger-audit", "", ledger_audit),
    case("balance-changes", "account=", |world| balance_changes(world)),
    case("activity-log", "since=2024-02-01&before=2024-03-01", |world| activity_log(world, "2024-02-01", "2024-03-01")),
];

fn exact(amount: Decimal) -> String {
    amount.normalize().to_string()
}

fn mean(sum: Decimal, count: usize) -> String {
    let mean = sum / Decimal::from(count);
    exact(mean.round_dp_with_strategy(8, RoundingStrategy::MidpointAwayFromZero))
}

fn sum<'a>(amounts: impl IntoIterator<Item = &'a Decimal>) -> Decimal {
    amounts.into_iter().sum()
}

fn day(text: &str) -> Timestamp {
    at(&format!("{text}T00:00:00.000Z"))
}

fn within(when: Timestamp, since: &str, before: &str) -> bool {
    day(since) <= when && when < day(before)
}

fn of_day(when: Timestamp) -> String {
    when.to_string()[..10].to_owned()
}

fn of_month(when: Timestamp) -> String {
    when.to_string()[..7].to_owned()
}

fn cell(text: impl ToString) -> String {
    text.to_string()
}

fn open(world: &World) -> Vec<&Account> {
    world.now().filter(|account| account.status != AccountStatus::Closed).collect()
}

/// Transfers that moved money: when, how much.
fn moved(world: &World) -> Vec<(&Transfer, Timestamp, Decimal)> {
    let posted = |transfer: &'_ Transfer| transfer.posted().map(|(money, when)| (when, money.amount()));
    world
        .transfers
        .iter()
        .filter_map(|transfer| posted(transfer).map(|(when, amount)| (transfer, when, amount)))
        .collect()
}

fn moved_within<'w>(world: &'w World, since: &str, before: &str) -> Vec<(&'w Transfer, Timestamp, Decimal)> {
    moved(world).into_iter().filter(|(_, when, _)| within(*when, since, before)).collect()
}

/// Things in groups of a key, in the order of the keys.
fn groups<T, K: Ord>(things: impl IntoIterator<Item = T>, key: impl Fn(&T) -> K) -> BTreeMap<K, Vec<T>> {
    let mut found = BTreeMap::<K, Vec<T>>::new();
    for thing in things {
        found.entry(key(&thing)).or_default().push(thing);
    }
    found
}

fn fees() -> BTreeMap<String, (String, Decimal)> {
    let types = domain::account::AccountType::first_ones();
    types
        .iter()
        .map(|kind| (kind.code.to_string(), (kind.name.to_string(), kind.monthly_fee.parse().expect("a fee"))))
        .collect()
}

/// The month after this one, as its first day.
fn next_month(month: &str) -> String {
    let (year, month): (i32, u32) = (month[..4].parse().expect("a year"), month[5..].parse().expect("a month"));
    if month == 12 { format!("{:04}-01-01", year + 1) } else { format!("{year:04}-{:02}-01", month + 1) }
}

/// Accounts that were active when this month ended, of those opened by then: by the last state before, or the first known.
fn active_at_end<'w>(world: &'w World, month: &str) -> Vec<&'w Account> {
    let end = day(&next_month(month));
    let states = world.accounts.values().filter(|states| states[0].1.opened_at < end);
    let then = states.map(|states| states.iter().rev().find(|(since, _)| *since < end).unwrap_or(&states[0]));
    then.map(|(_, account)| account).filter(|account| account.status == AccountStatus::Active).collect()
}

fn dashboard(world: &World, month: &str) -> Vec<Cells> {
    let mut rows = Vec::new();
    let mut row = |metric: &str, currency: &str, kind: &str, number: usize, amount: Option<String>| {
        rows.push(vec![cell(metric), cell(currency), cell(kind), cell(number), amount.unwrap_or_default()]);
    };
    row("customers", "", "", world.customers.len(), None);
    row("active_customers", "", "", world.customers.iter().filter(|customer| customer.is_active()).count(), None);
    let by_currency = groups(open(world), |account| account.currency.code());
    let total = |accounts: &[&Account]| accounts.iter().map(|account| account.balance.posted.amount()).sum::<Decimal>();
    for (currency, accounts) in &by_currency {
        row("accounts", currency, "", accounts.len(), Some(exact(total(accounts))));
    }
    for (currency, accounts) in &by_currency {
        row("mean_balance", currency, "", accounts.len(), Some(mean(total(accounts), accounts.len())));
    }
    for ((currency, kind), accounts) in &groups(open(world), |account| (account.currency.code(), account.kind.clone()))
    {
        row("accounts_by_type", currency, kind, accounts.len(), Some(exact(total(accounts))));
    }
    let volume = |moved: &[(&Transfer, Timestamp, Decimal)]| moved.iter().map(|(_, _, amount)| amount).sum::<Decimal>();
    let in_month: Vec<_> = moved(world).into_iter().filter(|(_, when, _)| of_month(*when) == month).collect();
    for (currency, moved) in groups(in_month.clone(), |(transfer, _, _)| transfer.currency().code()) {
        row("transfers_of_month", currency, "", moved.len(), Some(exact(volume(&moved))));
    }
    let reversals = in_month.into_iter().filter(|(transfer, _, _)| transfer.kind == Kind::Reversal);
    for (currency, moved) in groups(reversals, |(transfer, _, _)| transfer.currency().code()) {
        row("reversals_of_month", currency, "", moved.len(), Some(exact(volume(&moved))));
    }
    let ever = groups(moved(world), |(transfer, _, _)| transfer.currency().code());
    for (currency, moved) in &ever {
        row("transfers", currency, "", moved.len(), Some(exact(volume(moved))));
    }
    for (currency, moved) in &ever {
        row("mean_transfer", currency, "", moved.len(), Some(mean(volume(moved), moved.len())));
    }
    for (currency, accounts) in groups(active_at_end(world, month), |account| account.currency.code()) {
        let income: Decimal = accounts.iter().map(|account| fees()[&account.kind].1).sum();
        row("maintenance_income", currency, "", accounts.len(), Some(exact(income)));
    }
    rows
}

fn customers_summary(world: &World) -> Vec<Cells> {
    let of = |status: &str| world.customers.iter().filter(|customer| customer.status.as_str() == status).count();
    vec![[world.customers.len(), of("active"), of("inactive"), of("blocked")].map(cell).to_vec()]
}

fn customers_by_status(world: &World) -> Vec<Cells> {
    let by = groups(&world.customers, |customer| customer.status.as_str());
    by.into_iter().map(|(status, customers)| vec![cell(status), cell(customers.len())]).collect()
}

fn newest(world: &World) -> Vec<&domain::customer::Customer> {
    let mut customers: Vec<_> = world.customers.iter().collect();
    customers.sort_by(|a, b| (b.created_at, &a.id).cmp(&(a.created_at, &b.id)));
    customers
}

fn customers_list(world: &World, top: usize) -> Vec<Cells> {
    let row = |customer: &&domain::customer::Customer| {
        let no_phone = customer.phone.is_some().to_string();
        vec![cell(&customer.id), cell(customer.status.as_str()), cell(0), no_phone, cell(customer.created_at)]
    };
    newest(world).iter().take(top).map(row).collect()
}

fn active_customers(world: &World) -> Vec<Cells> {
    let accounts = |id| open(world).iter().filter(|account| &account.owner == id).count();
    let active = newest(world).into_iter().filter(|customer| customer.is_active());
    active.map(|customer| vec![cell(&customer.id), cell(accounts(&customer.id)), cell(customer.created_at)]).collect()
}

/// Customers' accounts of one currency: the largest first within each currency.
fn fortunes(world: &World) -> Vec<(String, String, usize, Decimal)> {
    let groups = groups(open(world), |account| (account.currency.code(), account.owner.clone()));
    let known =
        groups.into_iter().filter(|((_, owner), _)| world.customers.iter().any(|customer| customer.id == *owner));
    let mut found: Vec<_> = known
        .map(|((currency, owner), accounts)| {
            let balance: Decimal = accounts.iter().map(|account| account.balance.posted.amount()).sum();
            (currency.to_owned(), owner.to_string(), accounts.len(), balance)
        })
        .collect();
    found.sort_by(|a, b| (&a.0, b.3, &a.1).cmp(&(&b.0, a.3, &b.1)));
    found
}

/// The first of each group of rows that have this cell in common.
fn first_of_each(rows: Vec<Cells>, column: usize, top: usize) -> Vec<Cells> {
    let mut seen = BTreeMap::<String, usize>::new();
    let keep = |row: &Cells| {
        let count = seen.entry(row[column].clone()).or_default();
        *count += 1;
        *count <= top
    };
    rows.into_iter().filter(keep).collect()
}

fn customers_with_accounts(world: &World, top: usize) -> Vec<Cells> {
    let row = |(currency, owner, accounts, balance)| vec![owner, currency, cell(accounts), exact(balance)];
    first_of_each(fortunes(world).into_iter().map(row).collect(), 1, top)
}

fn accounts_summary(world: &World) -> Vec<Cells> {
    let row = |(currency, accounts): (&str, Vec<&Account>)| {
        let of = |status| accounts.iter().filter(|account| account.status == status).count();
        let balances: Vec<Decimal> = accounts
            .iter()
            .filter(|account| account.status != AccountStatus::Closed)
            .map(|account| account.balance.posted.amount())
            .collect();
        let or_null = |found: Option<&Decimal>| found.map_or_else(String::new, |amount| exact(*amount));
        let mean = if balances.is_empty() { String::new() } else { mean(sum(&balances), balances.len()) };
        vec![
            cell(currency),
            cell(balances.len()),
            cell(of(AccountStatus::Active)),
            cell(of(AccountStatus::Frozen)),
            cell(of(AccountStatus::Closed)),
            exact(sum(&balances)),
            mean,
            or_null(balances.iter().min()),
            or_null(balances.iter().max()),
        ]
    };
    groups(world.now(), |account| account.currency.code()).into_iter().map(row).collect()
}

fn accounts_by_type(world: &World) -> Vec<Cells> {
    let row = |((kind, currency), accounts): ((String, &str), Vec<&Account>)| {
        let balance: Decimal = accounts.iter().map(|account| account.balance.posted.amount()).sum();
        let (name, fee) = fees()[&kind].clone();
        vec![
            kind,
            name,
            cell(currency),
            cell(accounts.len()),
            exact(balance),
            mean(balance, accounts.len()),
            exact(fee),
        ]
    };
    groups(open(world), |account| (account.kind.clone(), account.currency.code())).into_iter().map(row).collect()
}

fn top_balances(world: &World, top: usize) -> Vec<Cells> {
    let mut accounts = open(world);
    let rank = |account: &Account| (account.currency.code(), -account.balance.posted.amount(), account.id.clone());
    accounts.sort_by_key(|account| rank(account));
    let mut place = BTreeMap::<&str, usize>::new();
    let rows = accounts.into_iter().map(|account| {
        let place = place.entry(account.currency.code()).or_default();
        *place += 1;
        vec![
            cell(account.currency),
            cell(*place),
            cell(&account.id),
            cell(&account.owner),
            account.kind.clone(),
            cell(account.status.as_str()),
            exact(account.balance.posted.amount()),
            cell(account.opened_at),
        ]
    });
    first_of_each(rows.collect(), 0, top)
}

fn totals_by_currency(world: &World) -> Vec<Cells> {
    let mut currencies: BTreeSet<String> = open(world).iter().map(|account| account.currency.to_string()).collect();
    currencies.extend(moved(world).iter().map(|(transfer, _, _)| transfer.currency().to_string()));
    currencies.extend(world.wallets.iter().map(|wallet| text(wallet, "asset")));
    let row = |currency: String| {
        let accounts: Vec<_> = open(world).into_iter().filter(|account| account.currency.code() == currency).collect();
        let moved: Vec<_> =
            moved(world).into_iter().filter(|(transfer, _, _)| transfer.currency().code() == currency).collect();
        let wallets = world.wallets.iter().filter(|wallet| text(wallet, "asset") == currency);
        let in_wallets: Decimal = wallets
            .map(|wallet| amount(wallet, "free").unwrap_or_default() + amount(wallet, "locked").unwrap_or_default())
            .sum();
        vec![
            currency,
            cell(accounts.len()),
            exact(accounts.iter().map(|account| account.balance.posted.amount()).sum()),
            exact(accounts.iter().map(|account| account.balance.held.amount()).sum()),
            exact(in_wallets),
            cell(moved.len()),
            exact(moved.iter().map(|(_, _, amount)| amount).sum()),
        ]
    };
    currencies.into_iter().map(row).collect()
}

fn reversed(moved: &[(&Transfer, Timestamp, Decimal)]) -> [String; 2] {
    let reversals: Vec<_> = moved.iter().filter(|(transfer, _, _)| transfer.kind == Kind::Reversal).collect();
    [cell(reversals.len()), exact(reversals.iter().map(|(_, _, amount)| amount).sum())]
}

fn transfers_summary(world: &World, since: &str, before: &str) -> Vec<Cells> {
    let row = |(currency, moved): (&str, Vec<(&Transfer, Timestamp, Decimal)>)| {
        let amounts: Vec<_> = moved.iter().map(|(_, _, amount)| *amount).collect();
        let [reversals, taken_back] = reversed(&moved);
        vec![
            cell(currency),
            cell(amounts.len()),
            exact(sum(&amounts)),
            mean(sum(&amounts), amounts.len()),
            exact(*amounts.iter().min().expect("one")),
            exact(*amounts.iter().max().expect("one")),
            reversals,
            taken_back,
        ]
    };
    groups(moved_within(world, since, before), |(transfer, _, _)| transfer.currency().code())
        .into_iter()
        .map(row)
        .collect()
}

fn transfers_by_month(world: &World, first: &str) -> Vec<Cells> {
    let from = moved(world)
        .into_iter()
        .filter(|(_, when, _)| first <= &of_month(*when)[..] && of_month(*when) <= "2025-01".to_owned());
    let row = |((month, currency), moved): ((String, &str), Vec<(&Transfer, Timestamp, Decimal)>)| {
        let volume: Decimal = moved.iter().map(|(_, _, amount)| amount).sum();
        let [reversals, taken_back] = reversed(&moved);
        vec![month, cell(currency), cell(moved.len()), exact(volume), mean(volume, moved.len()), reversals, taken_back]
    };
    groups(from, |(transfer, when, _)| (of_month(*when), transfer.currency().code())).into_iter().map(row).collect()
}

fn transfers_by_type(world: &World, since: &str, before: &str) -> Vec<Cells> {
    let row = |((kind, currency), moved): ((&str, &str), Vec<(&Transfer, Timestamp, Decimal)>)| {
        let volume: Decimal = moved.iter().map(|(_, _, amount)| amount).sum();
        vec![cell(kind), cell(currency), cell(moved.len()), exact(volume), mean(volume, moved.len())]
    };
    let by = groups(moved_within(world, since, before), |(transfer, _, _)| {
        (transfer.kind.as_str(), transfer.currency().code())
    });
    by.into_iter().map(row).collect()
}

fn transfers_by_status(world: &World, since: &str, before: &str) -> Vec<Cells> {
    let decided = world.transfers.iter().filter(|transfer| within(transfer.created_at, since, before));
    let row = |((status, currency), transfers): ((&str, &str), Vec<&Transfer>)| {
        let asked: Decimal = transfers.iter().map(|transfer| transfer.money.amount()).sum();
        let moved: Decimal =
            transfers.iter().filter_map(|transfer| transfer.posted()).map(|(money, _)| money.amount()).sum();
        vec![
            cell(status),
            cell(currency),
            cell(transfers.len()),
            exact(asked),
            mean(asked, transfers.len()),
            exact(moved),
        ]
    };
    let by = groups(decided, |transfer| (transfer.status(transfer.created_at).as_str(), transfer.currency().code()));
    by.into_iter().map(row).collect()
}

fn party(party: &Party) -> [String; 2] {
    match party {
        Party::Account { id, .. } => ["account".into(), cell(id)],
        Party::Wallet(customer) => ["wallet".into(), cell(customer)],
        Party::System(system) => ["system".into(), cell(system.as_str())],
    }
}

fn owner(world: &World, party: &Party) -> String {
    match party {
        Party::Account { id, .. } => cell(&world.accounts[id][0].1.owner),
        Party::Wallet(customer) => cell(customer),
        Party::System(_) => String::new(),
    }
}

fn recent_transfers(world: &World, top: usize) -> Vec<Cells> {
    let mut transfers: Vec<_> = world.transfers.iter().collect();
    transfers.sort_by(|a, b| (b.created_at, &a.id).cmp(&(a.created_at, &b.id)));
    let row = |transfer: &Transfer| {
        let posted = transfer.posted();
        let ([from_kind, from_id], [to_kind, to_id]) = (party(&transfer.debit), party(&transfer.credit));
        let rejected = matches!(transfer.state, domain::transfer::State::Rejected { .. });
        vec![
            cell(&transfer.id),
            cell(transfer.kind.as_str()),
            cell(transfer.status(transfer.created_at).as_str()),
            exact(transfer.money.amount()),
            posted.map_or_else(String::new, |(money, _)| exact(money.amount())),
            cell(transfer.currency()),
            from_kind,
            from_id,
            owner(world, &transfer.debit),
            to_kind,
            to_id,
            owner(world, &transfer.credit),
            if rejected { "insufficient_funds".into() } else { String::new() },
            cell(transfer.created_at),
            posted.map_or_else(String::new, |(_, when)| cell(when)),
            transfer.reverses.as_ref().map(cell).unwrap_or_default(),
            transfer.reversed_by().map(cell).unwrap_or_default(),
        ]
    };
    transfers.into_iter().take(top).map(row).collect()
}

fn daily_activity(world: &World, first: &str) -> Vec<Cells> {
    let row = |((day, kind, currency), moved): ((String, &str, &str), Vec<(&Transfer, Timestamp, Decimal)>)| {
        vec![day, cell(kind), cell(currency), cell(moved.len()), exact(moved.iter().map(|(_, _, amount)| amount).sum())]
    };
    let by = groups(moved_within(world, first, "2025-01-02"), |(transfer, when, _)| {
        (of_day(*when), transfer.kind.as_str(), transfer.currency().code())
    });
    by.into_iter().map(row).collect()
}

fn transfer_volume(world: &World, since: &str, before: &str) -> Vec<Cells> {
    let row = |(currency, moved): (&str, Vec<(&Transfer, Timestamp, Decimal)>)| {
        let of = |kind: Kind| {
            moved.iter().filter(|(transfer, _, _)| transfer.kind == kind).map(|(_, _, amount)| amount).sum::<Decimal>()
        };
        let kinds = [
            Kind::Deposit,
            Kind::Withdrawal,
            Kind::Transfer,
            Kind::Payment,
            Kind::Voucher,
            Kind::Wallet,
            Kind::Reversal,
        ];
        let volume: Decimal = moved.iter().map(|(_, _, amount)| amount).sum();
        let mut row = vec![cell(currency), cell(moved.len()), exact(volume)];
        row.extend(kinds.map(|kind| exact(of(kind))));
        row
    };
    groups(moved_within(world, since, before), |(transfer, _, _)| transfer.currency().code())
        .into_iter()
        .map(row)
        .collect()
}

fn vip(world: &World, threshold: Decimal, top: usize) -> Vec<Cells> {
    let transfers = |customer: &str, currency: &str| {
        let of = |transfer: &Transfer| {
            let sides = [&transfer.debit, &transfer.credit];
            let mut own = sides.into_iter().filter(|side| side.account().is_some());
            transfer.currency().code() == currency && own.any(|side| owner(world, side) == customer)
        };
        moved(world).iter().filter(|(transfer, _, _)| of(transfer)).count()
    };
    let rich = fortunes(world).into_iter().filter(|(_, _, _, balance)| *balance > threshold);
    let rows = rich.map(|(currency, customer, accounts, balance)| {
        let count = transfers(&customer, &currency);
        vec![customer, currency, cell(accounts), exact(balance), mean(balance, accounts), cell(count)]
    });
    first_of_each(rows.collect(), 1, top)
}

fn vip_customers(world: &World, threshold: i64) -> Vec<Cells> {
    vip(world, Decimal::from(threshold), 20)
}

fn vip_customers_above(world: &World) -> Vec<Cells> {
    vip(world, Decimal::new(250_050, 2), 1)
}

fn maintenance_income(world: &World, months: usize) -> Vec<Cells> {
    let all = ["2023-11", "2023-12"].map(str::to_owned).into_iter();
    let all = all.chain((1..=12).map(|month| format!("2024-{month:02}"))).chain(["2025-01".to_owned()]);
    let all: Vec<String> = all.collect();
    let mut rows = Vec::new();
    for month in &all[all.len() - months..] {
        let by = groups(active_at_end(world, month), |account| (account.currency.code(), account.kind.clone()));
        for ((currency, kind), accounts) in by {
            let fee = fees()[&kind].1;
            let income = fee * Decimal::from(accounts.len());
            rows.push(vec![month.clone(), cell(currency), kind, cell(accounts.len()), exact(fee), exact(income)]);
        }
    }
    rows
}

fn trades_within<'w>(world: &'w World, since: &str, before: &str) -> BTreeMap<(String, String), Vec<&'w Row>> {
    let trades = world
        .trades
        .iter()
        .filter(|trade| moment(trade, "executed_at").is_some_and(|when| within(when, since, before)));
    groups(trades, |trade| (text(trade, "symbol"), text(trade, "quote")))
}

fn total(rows: &[&Row], column: &str) -> Decimal {
    rows.iter().filter_map(|row| amount(row, column)).sum()
}

fn trading_volume(world: &World, since: &str, before: &str) -> Vec<Cells> {
    let row = |((symbol, quote), trades): ((String, String), Vec<&Row>)| {
        let prices: Vec<_> = trades.iter().filter_map(|trade| amount(trade, "price")).collect();
        let (lowest, highest) = (prices.iter().min().expect("one"), prices.iter().max().expect("one"));
        let (quantity, volume) = (total(&trades, "quantity"), total(&trades, "notional"));
        vec![symbol, quote, cell(trades.len()), exact(quantity), exact(volume), exact(*lowest), exact(*highest)]
    };
    trades_within(world, since, before).into_iter().map(row).collect()
}

fn trading_fees(world: &World, since: &str, before: &str) -> Vec<Cells> {
    let row = |((symbol, quote), trades): ((String, String), Vec<&Row>)| {
        let (makers, takers) = (total(&trades, "maker_fee"), total(&trades, "taker_fee"));
        vec![symbol, quote, cell(trades.len()), exact(makers), exact(takers), exact(makers + takers)]
    };
    trades_within(world, since, before).into_iter().map(row).collect()
}

fn instrument(world: &World, symbol: &str, column: &str) -> String {
    world.instruments.iter().find(|row| text(row, "symbol") == symbol).map_or_else(String::new, |row| text(row, column))
}

fn open_interest(world: &World) -> Vec<Cells> {
    let open = ["pending", "untriggered", "open", "partially_filled"];
    let orders = world.orders.iter().filter(|order| open.contains(&text(order, "status").as_str()));
    let row = |((symbol, side), orders): ((String, String), Vec<&Row>)| {
        let left = |order: &&Row| {
            amount(order, "quantity").map(|quantity| quantity - amount(order, "filled_quantity").unwrap_or_default())
        };
        let worth = |order: &&Row| match (amount(order, "quote_quantity"), amount(order, "price")) {
            (Some(budget), _) => {
                budget
                    - amount(order, "filled_notional").unwrap_or_default()
                    - amount(order, "fees").unwrap_or_default()
            }
            (None, Some(price)) => {
                let exact = left(order).unwrap_or_default() * price;
                exact.round_dp_with_strategy(8, RoundingStrategy::MidpointAwayFromZero)
            }
            (None, None) => Decimal::ZERO,
        };
        let quantity: Decimal = orders.iter().filter_map(left).sum();
        let notional: Decimal = orders.iter().map(worth).sum();
        let (base, quote) = (instrument(world, &symbol, "base"), instrument(world, &symbol, "quote"));
        let (bound, asset) = if side == "buy" { (notional, quote.clone()) } else { (quantity, base.clone()) };
        vec![symbol, side, base, quote, cell(orders.len()), exact(quantity), exact(notional), exact(bound), asset]
    };
    groups(orders, |order| (text(order, "symbol"), text(order, "side"))).into_iter().map(row).collect()
}

/// The columns of a row as text.
fn cells(row: &Row, columns: &[&str]) -> Cells {
    let cell = |column: &&str| match row.get(column).cloned().flatten() {
        None => String::new(),
        Some(lake::Value::Text(text)) => text,
        Some(lake::Value::Whole(number)) => number.to_string(),
        Some(lake::Value::Decimal(amount)) => exact(amount),
        Some(lake::Value::Moment(when)) => when.to_string(),
        Some(lake::Value::Flag(flag)) => flag.to_string(),
    };
    columns.iter().map(cell).collect()
}

fn recent_trades(world: &World, top: usize) -> Vec<Cells> {
    let mut trades: Vec<_> = world.trades.iter().collect();
    let number = |trade: &Row| cells(trade, &["number"])[0].parse::<i64>().expect("a number");
    trades
        .sort_by_key(|trade| (std::cmp::Reverse(moment(trade, "executed_at")), text(trade, "symbol"), -number(trade)));
    let columns = [
        "trade_id",
        "symbol",
        "price",
        "quantity",
        "notional",
        "quote",
        "taker_side",
        "maker_id",
        "taker_id",
        "maker_order_id",
        "taker_order_id",
        "maker_fee",
        "taker_fee",
        "executed_at",
    ];
    trades.into_iter().take(top).map(|trade| cells(trade, &columns)).collect()
}

fn recent_orders(world: &World, top: usize) -> Vec<Cells> {
    let mut orders: Vec<_> = world.orders.iter().collect();
    orders.sort_by_key(|order| (std::cmp::Reverse(moment(order, "created_at")), text(order, "order_id")));
    let columns = [
        "order_id",
        "customer_id",
        "symbol",
        "side",
        "type",
        "time_in_force",
        "status",
        "reason",
        "price",
        "stop_price",
        "quantity",
        "quote_quantity",
        "filled_quantity",
        "filled_notional",
        "fees",
        "quote",
        "created_at",
        "updated_at",
    ];
    let row = |order: &Row| {
        let quote = lake::Value::Text(instrument(world, &text(order, "symbol"), "quote"));
        let mut order = order.clone();
        order.insert("quote", Some(quote));
        cells(&order, &columns)
    };
    orders.into_iter().take(top).map(row).collect()
}

fn purchases<'w>(world: &'w World, since: &str, before: &str) -> Vec<&'w Row> {
    let bought = |purchase: &&Row| moment(purchase, "created_at").is_some_and(|when| within(when, since, before));
    world.vouchers.iter().filter(bought).collect()
}

fn voucher_sales(world: &World, since: &str, before: &str) -> Vec<Cells> {
    let key = |purchase: &&Row| ["product_id", "paid_by", "currency"].map(|column| text(purchase, column));
    let row = |([product, paid_by, currency], purchases): ([String; 3], Vec<&Row>)| {
        let of = |statuses: &[&str]| {
            let found = purchases.iter().filter(|purchase| statuses.contains(&text(purchase, "status").as_str()));
            found.copied().collect::<Vec<_>>()
        };
        let delivered = of(&["delivered"]);
        let (failed, undecided) = (of(&["failed"]).len(), of(&["processing", "unknown"]).len());
        let name = text(purchases[0], "product_name");
        let sales = exact(total(&delivered, "price"));
        vec![
            product,
            name,
            paid_by,
            currency,
            cell(purchases.len()),
            cell(delivered.len()),
            cell(failed),
            cell(undecided),
            sales,
        ]
    };
    groups(purchases(world, since, before), key).into_iter().map(row).collect()
}

fn delivery_times(world: &World, since: &str, before: &str) -> Vec<Cells> {
    let delivered =
        purchases(world, since, before).into_iter().filter(|purchase| text(purchase, "status") == "delivered");
    let row = |(product, purchases): (String, Vec<&Row>)| {
        let took = |purchase: &&Row| cells(purchase, &["took_ms"])[0].parse::<usize>().expect("a time");
        let mut times: Vec<usize> = purchases.iter().map(took).collect();
        times.sort_unstable();
        // Nearest rank: the smallest time that so many of a hundred did not exceed.
        let percentile = |of_hundred: usize| times[(times.len() * of_hundred).div_ceil(100) - 1];
        let mean = times.iter().sum::<usize>() / times.len();
        let longest = times[times.len() - 1];
        vec![product, cell(times.len()), cell(mean), cell(percentile(50)), cell(percentile(95)), cell(longest)]
    };
    groups(delivered, |purchase| text(purchase, "product_id")).into_iter().map(row).collect()
}

fn ledger_audit(world: &World) -> Vec<Cells> {
    // accounts, wallets, bank, fees, granted
    let mut books = BTreeMap::<(&str, String), [Decimal; 5]>::new();
    let mut add = |which: &'static str, currency: String, place: usize, amount: Decimal| {
        books.entry((which, currency)).or_default()[place] += amount;
    };
    for account in world.now() {
        add("bank", cell(account.currency), 0, account.balance.posted.amount());
    }
    for (transfer, _, moved) in moved(world) {
        for (side, amount) in [(&transfer.debit, -moved), (&transfer.credit, moved)] {
            match side {
                Party::System(_) => add("bank", cell(transfer.currency()), 2, amount),
                Party::Wallet(_) => {
                    add("bank", cell(transfer.currency()), 1, amount);
                    add("exchange", cell(transfer.currency()), 2, -amount);
                }
                Party::Account { .. } => {}
            }
        }
    }
    for wallet in &world.wallets {
        let held = amount(wallet, "free").unwrap_or_default() + amount(wallet, "locked").unwrap_or_default();
        add("exchange", text(wallet, "asset"), 1, held);
    }
    for trade in &world.trades {
        let fees = amount(trade, "maker_fee").unwrap_or_default() + amount(trade, "taker_fee").unwrap_or_default();
        add("exchange", text(trade, "quote"), 3, fees);
    }
    for grant in &world.grants {
        add("exchange", text(grant, "asset"), 4, -amount(grant, "quantity").unwrap_or_default());
    }
    let row = |((which, currency), sums): ((&str, String), [Decimal; 5])| {
        let difference: Decimal = sums.iter().sum();
        assert!(which != "bank" || difference.is_zero(), "the world itself is wrong by {difference} {currency}");
        let mut row = vec![cell(which), currency];
        row.extend(sums.map(exact));
        row.push(exact(difference));
        row
    };
    books.into_iter().map(row).collect()
}

/// Of the account that [`account_of`] names.
fn balance_changes(world: &World) -> Vec<Cells> {
    let states = &world.accounts[&account_of(world)];
    let mut before = None;
    let row = |(since, account): &(Timestamp, Account)| {
        let [posted, held, available] =
            [account.balance.posted, account.balance.held, account.balance.available].map(|money| money.amount());
        let change = before.map_or_else(String::new, |before: Decimal| exact(posted - before));
        before = Some(posted);
        vec![
            cell(&account.id),
            cell(&account.owner),
            cell(account.version),
            cell(since),
            cell(account.status.as_str()),
            cell(account.currency),
            exact(posted),
            exact(held),
            exact(available),
            change,
        ]
    };
    states.iter().map(row).collect()
}

/// The account with the longest history.
pub fn account_of(world: &World) -> domain::id::AccountId {
    world.accounts.iter().max_by_key(|(_, states)| states.len()).map(|(id, _)| id.clone()).expect("an account")
}

fn activity_log(world: &World, since: &str, before: &str) -> Vec<Cells> {
    // began, ended, what, id, whose, status, amount, currency
    let mut deeds: Vec<(Timestamp, Option<Timestamp>, [String; 6])> = Vec::new();
    for customer in &world.customers {
        let row = [
            "customer".into(),
            cell(&customer.id),
            cell(&customer.id),
            cell(customer.status.as_str()),
            String::new(),
            String::new(),
        ];
        deeds.push((customer.created_at, Some(customer.created_at), row));
    }
    for account in world.now() {
        let row = [
            "account".into(),
            cell(&account.id),
            cell(&account.owner),
            cell(account.status.as_str()),
            String::new(),
            cell(account.currency),
        ];
        deeds.push((account.opened_at, Some(account.opened_at), row));
    }
    for transfer in &world.transfers {
        let payer = owner(world, &transfer.debit);
        let whose = if payer.is_empty() { owner(world, &transfer.credit) } else { payer };
        let amount = transfer.posted().map_or(transfer.money, |(money, _)| money).amount();
        let status = cell(transfer.status(transfer.created_at).as_str());
        let row = [
            format!("transfer.{}", transfer.kind.as_str()),
            cell(&transfer.id),
            whose,
            status,
            exact(amount),
            cell(transfer.currency()),
        ];
        deeds.push((transfer.created_at, transfer.posted().map(|(_, when)| when), row));
    }
    let at = |row: &Row, column: &str| moment(row, column).expect("a moment");
    let number = |row: &Row, column: &str| amount(row, column).map_or_else(String::new, exact);
    for order in &world.orders {
        let quote = instrument(world, &text(order, "symbol"), "quote");
        let side = format!("order.{}", text(order, "side"));
        let row = [
            side,
            text(order, "order_id"),
            text(order, "customer_id"),
            text(order, "status"),
            number(order, "filled_notional"),
            quote,
        ];
        deeds.push((at(order, "created_at"), moment(order, "updated_at"), row));
    }
    for trade in &world.trades {
        let row = [
            "trade".into(),
            text(trade, "trade_id"),
            text(trade, "taker_id"),
            String::new(),
            number(trade, "notional"),
            text(trade, "quote"),
        ];
        deeds.push((at(trade, "executed_at"), moment(trade, "executed_at"), row));
    }
    for grant in &world.grants {
        let row = [
            "grant".into(),
            text(grant, "grant_id"),
            text(grant, "customer_id"),
            String::new(),
            number(grant, "quantity"),
            text(grant, "asset"),
        ];
        deeds.push((at(grant, "created_at"), moment(grant, "created_at"), row));
    }
    for voucher in &world.vouchers {
        let whose = cells(voucher, &["customer_id"]).remove(0);
        let row = [
            "voucher".into(),
            text(voucher, "voucher_id"),
            whose,
            text(voucher, "status"),
            number(voucher, "price"),
            text(voucher, "currency"),
        ];
        deeds.push((at(voucher, "created_at"), moment(voucher, "ended_at"), row));
    }
    deeds.retain(|(began, _, _)| within(*began, since, before));
    deeds.sort_by(|a, b| (b.0, &a.2[1], &a.2[0]).cmp(&(a.0, &b.2[1], &b.2[0])));
    let row = |(began, ended, rest): (Timestamp, Option<Timestamp>, [String; 6])| {
        let mut row = vec![cell(began), ended.map(cell).unwrap_or_default()];
        row.extend(rest);
        row
    };
    deeds.into_iter().take(200).map(row).collect()
}
