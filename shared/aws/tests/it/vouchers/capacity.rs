//! What a purchase and its settlement cost, in requests and write units. From an account to the code by SMS it is
//! 14 units of tables and 16 of indexes.

use aws::{ledger::Ledger, vouchers::Vouchers};
use domain::voucher::{Buy, MoneyMove, Outcome, Product, Purchase, Settlement};
use testkit::{Stack, buy_from, buy_paid, delivered, refused};

use crate::now;

/// Stores whose use is counted, and what they used up to the last look.
struct Counted {
    vouchers: Vouchers,
    ledger: Ledger,
}

impl Counted {
    /// Requests, table write units and index write units of what `work` does.
    async fn cost<T>(&self, work: impl Future<Output = T>) -> (T, (u64, f64, f64)) {
        let before = (self.vouchers.usage(), self.ledger.usage());
        let result = work.await;
        let (vouchers, ledger) = (self.vouchers.usage().since(before.0), self.ledger.usage().since(before.1));
        let table = vouchers.table_write_units + ledger.table_write_units;
        let index = vouchers.index_write_units + ledger.index_write_units;
        (result, (vouchers.requests + ledger.requests, table, index))
    }

    /// Commits a purchase, with whatever must be read for its decision.
    async fn buy(&self, command: &Buy, product: &Product) -> Purchase {
        assert!(self.vouchers.purchase(&command.id).await.expect("read").is_none());
        assert!(self.vouchers.product(&command.product).await.expect("read").is_some());
        let account = match &command.payer {
            domain::voucher::Payer::Account { account, .. } => self.ledger.account(account).await.expect("read"),
            domain::voucher::Payer::Partner { .. } => None,
        };
        let bought = domain::voucher::buy(command, Some(product), account.as_ref(), now()).expect("decided");
        self.vouchers.buy(&self.ledger, &bought).await.expect("bought");
        bought.purchase
    }

    async fn save(&self, next: Option<Purchase>) -> Purchase {
        let next = next.expect("a step");
        self.vouchers.save(&next).await.expect("saved");
        next
    }

    async fn settle(&self, purchase: &Purchase, outcome: &Outcome) -> (Purchase, MoneyMove) {
        let purchase = self.vouchers.purchase(&purchase.id).await.expect("read").expect("it exists");
        let later = now().plus_seconds(5);
        let Settlement::Changes(next, money) = purchase.settle(outcome, 30, later) else { panic!("it settles") };
        self.vouchers.settle(&self.ledger, &next, &money, later).await.expect("settled");
        (*next, money)
    }
}

#[tokio::test]
async fn the_write_units_of_a_purchase_from_the_order_to_the_sms() {
    let stack = Stack::start().await;
    let account = stack.account("alice", "USD", "100", now()).await;
    let plan = stack.product("plan", "5").await;
    let shop = Counted { vouchers: stack.vouchers(), ledger: stack.ledger() };

    let (purchase, used) = shop.cost(shop.buy(&buy_from("a", "alice", &account.id, &plan), &plan)).await;
    assert_eq!(used, (4, 6.0, 4.0), "three reads; account, hold and purchase; both sides, the phone, what is due");
    let (submitted, used) = shop.cost(shop.save(purchase.submit(now().plus_seconds(1)))).await;
    assert_eq!(used, (1, 1.0, 3.0), "alone, a write costs half of one in a transaction");
    let ((done, money), used) = shop.cost(shop.settle(&submitted, &delivered("1"))).await;
    assert!(matches!(money, MoneyMove::Capture(_)));
    assert_eq!(used, (3, 6.0, 7.0), "both sides move from one shelf to the other");
    let (_, used) = shop.cost(shop.save(done.queued())).await;
    assert_eq!(used, (1, 1.0, 2.0));

    let refusable = shop.buy(&buy_from("b", "alice", &account.id, &plan), &plan).await;
    let (_, used) = shop.cost(shop.settle(&refusable, &refused())).await;
    assert_eq!(used, (3, 6.0, 5.0), "what is given back stays on its shelf");
}

#[tokio::test]
async fn the_write_units_of_a_partners_purchase() {
    let stack = Stack::start().await;
    let plan = stack.product("plan", "5").await;
    let shop = Counted { vouchers: stack.vouchers(), ledger: stack.ledger() };
    let (purchase, used) = shop.cost(shop.buy(&buy_paid("p", "client", "paid", &plan), &plan)).await;
    assert_eq!(used, (3, 4.0, 2.0), "purchase and payment reference");
    let (_, used) = shop.cost(shop.settle(&purchase, &delivered("1"))).await;
    assert_eq!(used, (2, 4.0, 5.0), "purchase and booking");
}
