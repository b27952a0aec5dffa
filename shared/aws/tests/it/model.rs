//! Random histories: after every step the rows obey the invariants, whatever was tried.

use aws::ledger::transfers::Resolved;
use domain::{id::AccountId, transfer::decide_reversal};
use testkit::{Stack, command, hold, money};

use crate::{assert_clean, now};

/// A small generator of its own, so that a failing seed can be run again.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

#[tokio::test]
async fn random_histories_keep_the_books_at_zero_and_every_account_explained() {
    for seed in 1..=4 {
        history(seed, 120).await;
    }
}

async fn history(seed: u64, steps: usize) {
    let stack = Stack::start().await;
    let ledger = stack.ledger();
    let mut dice = Dice(seed);
    let mut accounts: Vec<AccountId> = Vec::new();
    for name in ["a", "b", "c"] {
        accounts.push(stack.account(name, "USD", "20.00", now()).await.id);
    }
    accounts.push(stack.account("d", "VND", "20000", now()).await.id);
    let mut names: Vec<String> = Vec::new();
    let mut at = now();
    for step in 0..steps {
        at = at.plus_millis(1 + dice.roll(2000) as i64);
        let (from, to) = (dice.roll(4) as usize, dice.roll(4) as usize);
        let amount = money(&format!("{}", 1 + dice.roll(9)), if from == 3 { "VND" } else { "USD" });
        // One in four repeats an earlier key, with whatever else this step drew.
        let name = match dice.roll(4) {
            0 if !names.is_empty() => names[dice.roll(names.len() as u64) as usize].clone(),
            _ => format!("{seed} {step}"),
        };
        match dice.roll(7) {
            0 => drop(stack.transfer(&command(&name, None, Some(&accounts[from]), amount), at).await),
            1 => drop(stack.transfer(&command(&name, Some(&accounts[from]), None, amount), at).await),
            2 => drop(
                stack.transfer(&hold(&name, &accounts[from], Some(&accounts[to]), amount, 1 + dice.roll(5)), at).await,
            ),
            3 | 4 => resolve(&ledger, &name, dice.roll(3), at).await,
            5 => reverse(&ledger, &name, step, at).await,
            _ => drop(stack.transfer(&command(&name, Some(&accounts[from]), Some(&accounts[to]), amount), at).await),
        }
        names.push(name);
        for id in &accounts {
            let account = ledger.account(id).await.unwrap().unwrap();
            let balance = account.balance;
            assert!(
                !balance.available.is_negative() && !balance.held.is_negative(),
                "seed {seed} step {step}: {account:?}"
            );
            assert_eq!(balance.posted.checked_sub(balance.held), Some(balance.available), "seed {seed} step {step}");
        }
        if step % 30 == 29 {
            assert_clean(&ledger).await;
        }
    }
}

async fn resolve(ledger: &aws::ledger::Ledger, name: &str, how: u64, at: domain::Timestamp) {
    let Some(hold) = ledger.transfer(&testkit::transfer_id(name)).await.unwrap() else { return };
    let resolution = match how {
        0 => hold.capture(None, at).ok(),
        1 => hold.void(at).ok().flatten(),
        _ => hold.expire(at),
    };
    if let Some(resolution) = resolution {
        let outcome = ledger.resolve(&hold, &resolution, None).await.unwrap();
        assert!(!matches!(outcome, Resolved::Before(..)), "nobody else resolves here: {outcome:?}");
    }
}

async fn reverse(ledger: &aws::ledger::Ledger, name: &str, step: usize, at: domain::Timestamp) {
    let Some(original) = ledger.transfer(&testkit::transfer_id(name)).await.unwrap() else { return };
    let id = testkit::transfer_id(&format!("reversal {step}"));
    let sides: Vec<_> = [original.credit.account(), original.debit.account()].into_iter().flatten().collect();
    let known = ledger.known(&id, &sides).await.unwrap();
    let accounts = domain::transfer::Accounts {
        from: known.account(original.credit.account()),
        to: known.account(original.debit.account()),
    };
    if let Ok(reversal) = decide_reversal(&original, &accounts, id, "test".into(), None, at) {
        ledger.reverse(&reversal, &original.id).await.unwrap();
    }
}
