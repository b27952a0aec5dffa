//! Random histories of purchases: after every step money and purchase are of one mind, and an outcome is told once.

use aws::vouchers::{Purchased, Saved};
use domain::{
    Timestamp,
    account::{AccountStatus, Changed},
    id::AccountId,
    voucher::{Buy, MoneyMove, Notice, Outcome, Product, Purchase, Settlement},
};
use testkit::{PATIENCE, Stack, buy_from, buy_paid, delivered, phone, refused};

use super::assert_of_one_mind;
use crate::{assert_clean, model::Dice, now};

#[tokio::test]
async fn random_histories_keep_every_purchase_and_its_money_of_one_mind() {
    for seed in 1..=4 {
        History::start(seed).await.run(150).await;
    }
}

/// A purchase as everybody knows it by now, and as somebody remembers it.
struct Known {
    now: Purchase,
    then: Purchase,
    /// Whether money was ever reserved for it.
    paid: bool,
    told: u32,
}

struct History {
    seed: u64,
    dice: Dice,
    stack: Stack,
    account: AccountId,
    plan: Product,
    purchases: Vec<Known>,
    at: Timestamp,
}

impl History {
    async fn start(seed: u64) -> Self {
        let stack = Stack::start().await;
        let account = stack.account("alice", "USD", "40", now()).await.id;
        let plan = stack.product("plan", "5").await;
        Self { seed, dice: Dice::new(seed), stack, account, plan, purchases: Vec::new(), at: now() }
    }

    async fn run(mut self, steps: usize) {
        for step in 0..steps {
            self.at = self.at.plus_millis(1 + self.dice.roll(20_000) as i64);
            let context = format!("seed {} step {step}", self.seed);
            match self.dice.roll(8) {
                0 | 1 => self.buy(step).await,
                2 => self.freeze_or_thaw().await,
                _ if self.purchases.is_empty() => {}
                _ => {
                    let index = self.dice.roll(self.purchases.len() as u64) as usize;
                    self.step(index, &context).await;
                    self.check(&self.purchases[index], &context).await;
                }
            }
            if step % 30 == 29 {
                for known in &self.purchases {
                    self.check(known, &context).await;
                }
                assert_clean(&self.stack.ledger()).await;
            }
        }
        self.check_indexes().await;
    }

    async fn buy(&mut self, step: usize) {
        // One in four repeats an earlier id or payment reference.
        let count = self.purchases.len() as u64;
        let number = if count > 0 && self.dice.roll(4) == 0 { self.dice.roll(count) as usize } else { step + 1_000 };
        let name = format!("{} {number}", self.seed);
        let command = match self.dice.roll(3) {
            0 => buy_paid(&name, "client", &format!("paid {}", self.dice.roll(30)), &self.plan),
            _ => buy_from(&name, "alice", &self.account, &self.plan),
        };
        let waits = self.dice.roll(2) == 0;
        let command = Buy { wait_until: waits.then(|| self.at.plus_seconds(25)), ..command };
        match self.stack.buy(&command, self.at).await.expect("an answer") {
            Purchased::Done(purchase) => {
                let told = u32::from(purchase.notice == Notice::Answered);
                let paid = purchase.state.is_open();
                self.purchases.push(Known { now: purchase.clone(), then: purchase, paid, told });
            }
            Purchased::Before(before) => assert!(self.purchases.iter().any(|known| known.now == before)),
            Purchased::Refused(_) | Purchased::ReferenceTaken => {}
        }
    }

    async fn freeze_or_thaw(&mut self) {
        let ledger = self.stack.ledger();
        let account = ledger.account(&self.account).await.unwrap().unwrap();
        let status = match account.status {
            AccountStatus::Active => AccountStatus::Frozen,
            _ => AccountStatus::Active,
        };
        let changed = Changed { status, overdraft: account.overdraft };
        ledger.change_account(&account, &changed, None).await.expect("changed");
    }

    /// One step of one purchase, decided from what is true or from what somebody remembers.
    async fn step(&mut self, index: usize, context: &str) {
        let (vouchers, ledger) = (self.stack.vouchers(), self.stack.ledger());
        let from =
            if self.dice.roll(4) == 0 { self.purchases[index].then.clone() } else { self.purchases[index].now.clone() };
        let (what, at) = (self.dice.roll(14), self.at);
        let (next, money) = match what {
            0 | 1 => (from.submit(at), MoneyMove::Stays),
            2 => (from.order_again(at), MoneyMove::Stays),
            3 => (from.put_back(at), MoneyMove::Stays),
            4 => (from.ask(false, 30, at), MoneyMove::Stays),
            5 => (from.resend(at), MoneyMove::Stays),
            6 => (from.stop_waiting(), MoneyMove::Stays),
            7 => (from.answer(), MoneyMove::Stays),
            8 => (from.stand_in(at), MoneyMove::Stays),
            9 => (from.queued(), MoneyMove::Stays),
            kind => {
                let outcome = match kind {
                    10 | 11 => delivered("A"),
                    12 => refused(),
                    _ => Outcome::Unknown { acknowledged: self.dice.roll(4) == 0 },
                };
                match from.settle(&outcome, 30, at) {
                    Settlement::Changes(next, money) => (Some(*next), money),
                    Settlement::Nothing | Settlement::Contradiction(_) => (None, MoneyMove::Stays),
                }
            }
        };
        let Some(next) = next else { return };
        let known = &mut self.purchases[index];
        let saved = vouchers.settle(&ledger, &next, &money, at).await.expect("an answer");
        if from.version == known.now.version {
            assert_eq!(saved, Saved::Done, "{context}: nobody else writes here");
            known.told += u32::from(matches!(what, 7 | 9));
            known.then = std::mem::replace(&mut known.now, next);
        } else {
            assert_eq!(saved, Saved::Stale(Box::new(known.now.clone())), "{context}: decided from an old version");
        }
    }

    async fn check(&self, known: &Known, context: &str) {
        let row = self.stack.vouchers().purchase(&known.now.id).await.unwrap();
        assert_eq!(row.as_ref(), Some(&known.now), "{context}");
        assert!(known.told <= 1, "{context}: told twice: {:?}", known.now);
        assert_of_one_mind(&self.stack, &known.now, context).await;
    }

    async fn check_indexes(&self) {
        let vouchers = self.stack.vouchers();
        let mut due: Vec<_> = self
            .purchases
            .iter()
            .filter(|known| known.now.due_at(&PATIENCE).is_some())
            .map(|known| known.now.id.clone())
            .collect();
        due.sort();
        let mut listed = vouchers.due(self.at.plus_seconds(1_000_000), 1_000).await.unwrap();
        listed.sort();
        assert_eq!(listed, due, "seed {}", self.seed);
        let for_phone = vouchers.of_phone(&phone(), 1_000).await.unwrap();
        let mut bought: Vec<_> = self.purchases.iter().filter(|known| known.paid).map(|known| &known.now).collect();
        bought.sort_by_key(|purchase| std::cmp::Reverse((purchase.created_at, purchase.id.clone())));
        assert!(for_phone.iter().eq(bought), "seed {}", self.seed);
    }
}
