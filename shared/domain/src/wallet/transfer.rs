//! Money between an account and the wallet of its owner: one transfer, completed at once or refused.

use super::Wallet;
use crate::{
    Money, Timestamp,
    account::Account,
    id::{AccountId, CustomerId, TransferId},
    instrument::Asset,
    order::named,
    transfer::{Kind, Party, Refusal, Rejection, State, Transfer, check_state, party},
};

named! {
    /// Which way, seen from the wallet.
    Direction {
        /// From the account into the wallet.
        In = "in",
        /// From the wallet to the account.
        Out = "out",
    }
}

/// Move this money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalletTransfer {
    /// Derived from caller, path and idempotency key.
    pub id: TransferId,
    /// Which way.
    pub direction: Direction,
    /// The account; its owner's wallet is the other side.
    pub account: AccountId,
    /// Whose wallet.
    pub customer: CustomerId,
    /// How much of which currency.
    pub money: Money,
    /// Who asks.
    pub initiator: String,
}

impl WalletTransfer {
    /// Decides: completed, or rejected for lack of funds. Both are to be committed. Account not found (or another's) →
    /// frozen → closed → currency → funds.
    pub fn decide(&self, account: Option<&Account>, wallet: &Wallet, now: Timestamp) -> Result<Transfer, Rejection> {
        let account = account.filter(|account| account.id == self.account && account.owner == self.customer);
        let account = account.ok_or(Rejection::AccountNotFound)?;
        check_state(std::iter::once(account), self.money)?;
        let (bank, own) = (party(account), Party::Wallet(self.customer.clone()));
        let (debit, credit, covered) = match self.direction {
            Direction::In => (bank, own, account.balance.available.covers(self.money)),
            Direction::Out => {
                let asset = Asset::parse(self.money.currency().code());
                let free = asset.map(|asset| wallet.holding(&asset).free).unwrap_or_default();
                (own, bank, free >= self.money.amount())
            }
        };
        let transfer = Transfer {
            id: self.id.clone(),
            kind: Kind::Wallet,
            state: State::Completed { posted_at: now, reversed_by: None },
            money: self.money,
            debit,
            credit,
            description: None,
            metadata: None,
            hold_seconds: None,
            initiator: self.initiator.clone(),
            created_at: now,
            reverses: None,
        };
        Ok(if covered { transfer } else { transfer.rejected(Refusal::InsufficientFunds) })
    }

    /// The first field in which this request differs from the one that made a transfer; `None` if it is the same.
    pub fn first_difference(&self, before: &Transfer) -> Option<&'static str> {
        let direction = match (&before.debit, &before.credit) {
            (_, Party::Wallet(_)) => Some(Direction::In),
            (Party::Wallet(_), _) => Some(Direction::Out),
            _ => None,
        };
        let account = before.debit.account().or(before.credit.account());
        [
            ("direction", direction == Some(self.direction)),
            ("account_id", account == Some(&self.account)),
            ("amount", before.money.amount() == self.money.amount()),
            ("currency", before.currency() == self.money.currency()),
        ]
        .into_iter()
        .find_map(|(field, same)| (!same).then_some(field))
    }
}

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;

    use super::*;
    use crate::{
        Currency,
        account::{AccountStatus, OpenAccount},
        number::AccountNumber,
        wallet::Holding,
    };

    fn usd(text: &str) -> Money {
        Money::parse_or_zero(text, Currency::parse("USD").expect("a currency")).expect("money")
    }

    fn owner() -> CustomerId {
        CustomerId::parse("cus_ana").expect("an id")
    }

    fn account(status: AccountStatus, available: &str) -> Account {
        let open = OpenAccount {
            id: AccountId::from_bytes([1; 16]),
            owner: owner(),
            kind: "savings".into(),
            currency: usd("0").currency(),
        };
        let mut account = open.decide(AccountNumber::from_bytes([1; 16]), Timestamp::from_millis(0));
        account.status = status;
        (account.balance.posted, account.balance.available) = (usd(available), usd(available));
        account
    }

    fn wallet(free: &str) -> Wallet {
        let mut wallet = Wallet::empty(owner());
        let holding = Holding { free: free.parse().expect("a number"), locked: Decimal::TEN };
        wallet.holdings.insert(Asset::parse("USD").expect("an asset"), holding);
        wallet
    }

    fn wish(direction: Direction, amount: &str, currency: &str) -> WalletTransfer {
        let currency = Currency::parse(currency).expect("a currency");
        WalletTransfer {
            id: TransferId::from_bytes([1; 16]),
            direction,
            account: AccountId::from_bytes([1; 16]),
            customer: owner(),
            money: Money::parse(amount, currency).expect("money"),
            initiator: "ana".into(),
        }
    }

    #[test]
    fn money_goes_in_and_out_as_far_as_it_is_there() {
        use AccountStatus::{Active, Closed, Frozen};
        for (direction, status, available, free, amount, currency, expected) in [
            (Direction::In, Active, "10", "0", "10", "USD", "completed"),
            (Direction::In, Active, "9.99", "50", "10", "USD", "insufficient_funds"),
            (Direction::Out, Active, "0", "10", "10", "USD", "completed"),
            (Direction::Out, Active, "50", "9.99", "10", "USD", "insufficient_funds"),
            (Direction::Out, Frozen, "0", "10", "10", "EUR", "AccountFrozen"),
            (Direction::In, Closed, "0", "10", "10", "EUR", "AccountClosed"),
            (Direction::In, Active, "0", "10", "10", "EUR", "CurrencyMismatch"),
        ] {
            let wish = wish(direction, amount, currency);
            let outcome = match wish.decide(Some(&account(status, available)), &wallet(free), Timestamp::from_millis(5))
            {
                Ok(Transfer { state: State::Rejected { reason }, .. }) => reason.as_str().to_owned(),
                Ok(transfer) => {
                    assert_eq!(wish.first_difference(&transfer), None);
                    "completed".to_owned()
                }
                Err(rejection) => format!("{rejection:?}"),
            };
            assert_eq!(outcome, expected, "{direction:?} {status:?} {available} {free} {amount} {currency}");
        }
    }

    #[test]
    fn another_ones_account_is_not_found() {
        let account = account(AccountStatus::Active, "10");
        let other = WalletTransfer {
            customer: CustomerId::parse("cus_ben").expect("an id"),
            ..wish(Direction::In, "1", "USD")
        };
        for (wish, account) in [(&other, Some(&account)), (&wish(Direction::In, "1", "USD"), None)] {
            let decided = wish.decide(account, &wallet("0"), Timestamp::from_millis(0));
            assert_eq!(decided, Err(Rejection::AccountNotFound));
        }
    }

    #[test]
    fn the_first_field_that_differs_is_named() {
        let (account, first) = (account(AccountStatus::Active, "10"), wish(Direction::In, "1", "USD"));
        let transfer = first.decide(Some(&account), &wallet("5"), Timestamp::from_millis(0)).expect("decided");
        for (wish, field) in [
            (wish(Direction::Out, "2", "USD"), "direction"),
            (WalletTransfer { account: AccountId::from_bytes([2; 16]), ..first.clone() }, "account_id"),
            (wish(Direction::In, "2", "USD"), "amount"),
            (wish(Direction::In, "1", "EUR"), "currency"),
        ] {
            assert_eq!(wish.first_difference(&transfer), Some(field));
        }
    }
}
