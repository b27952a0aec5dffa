//! POST /vouchers.

use std::time::Duration;

use aws::{ledger::transfers::PostError, vouchers::Purchased};
use domain::{
    customer::CustomerStatus,
    id::VoucherId,
    transfer,
    voucher::{self, Buy, Payer, Purchase, Rejection},
};
use edge::{
    clock::Clock,
    http::{Answer, Caller, Code, Problem, Request, accepted},
};

use crate::{
    Shop, Stores,
    answers::{failed, in_progress, refused},
    body::{Body, Wish},
    replay::{answer, replay, told, view},
    wait,
};

pub(crate) async fn buy(
    stores: &Stores,
    shop: &Shop,
    clock: &impl Clock,
    request: &Request,
) -> Result<Answer, Problem> {
    let caller = request.caller()?;
    let Wish { product, phone, payer } = request.parse::<Body>()?.understand(&caller)?;
    let key = request.idempotency_key(&caller)?;
    let now = clock.now();
    let wait = request.prefer_wait().filter(|wait| !wait.is_zero());
    let wait_until = wait.map(|wait| now.plus_seconds(i64::try_from(wait.as_secs()).unwrap_or_default()));
    let command = Buy { id: VoucherId::from_bytes(key.bytes()), product, phone, payer, wait_until };
    let answer = order(stores, shop, clock, &caller, &command).await;
    match (wait, answer) {
        (Some(wait), Ok(answer)) => Ok(answer.header("Preference-Applied", format!("wait={}", wait.as_secs()))),
        (_, answer) => answer,
    }
}

async fn order(
    stores: &Stores,
    shop: &Shop,
    clock: &impl Clock,
    caller: &Caller,
    command: &Buy,
) -> Result<Answer, Problem> {
    let vouchers = &stores.vouchers;
    let account = async {
        match &command.payer {
            Payer::Account { account, .. } => stores.ledger.account(account).await,
            Payer::Partner { .. } => Ok(None),
        }
    };
    let (before, product, account, acting) = tokio::join!(
        vouchers.purchase(&command.id),
        vouchers.product(&command.product),
        account,
        stores.check_acting(caller)
    );
    if let Some(before) = before.map_err(failed)? {
        return replay(vouchers, shop, clock, before, command).await;
    }
    if !shop.sales {
        return Err(Problem::unavailable());
    }
    let (product, account) = (product.map_err(failed)?, account.map_err(failed)?);
    let decision = voucher::buy(command, product.as_ref(), account.as_ref(), clock.now());
    if !matches!(decision, Err(Rejection::ProductNotFound | Rejection::Account(transfer::Rejection::AccountNotFound))) {
        // Existence is told before state, and whether somebody may act before the state of his accounts.
        acting?;
    }
    let purchased = vouchers.buy(&stores.ledger, &decision.map_err(refused)?).await;
    match purchased.map_err(not_bought)? {
        Purchased::Done(purchase) => bought(stores, shop, clock, &purchase, command).await,
        Purchased::Before(before) => replay(vouchers, shop, clock, before, command).await,
        Purchased::ReferenceTaken => {
            Err(Problem::new(Code::PaymentReferenceTaken, "This payment reference stands for another purchase."))
        }
        Purchased::Refused(rejection) => Err(refused(Rejection::Account(rejection))),
    }
}

fn not_bought(error: PostError) -> Problem {
    match error {
        PostError::Store(error) => failed(error),
        PostError::InProgress => in_progress(),
    }
}

/// The money is reserved, or the account could not pay.
async fn bought(
    stores: &Stores,
    shop: &Shop,
    clock: &impl Clock,
    purchase: &Purchase,
    command: &Buy,
) -> Result<Answer, Problem> {
    tracing::info!(voucher_id = %purchase.id, product = %purchase.product, status = ?purchase.status(), "voucher bought");
    if !purchase.state.is_open() {
        return told(purchase, shop);
    }
    if let Err(error) = shop.orders.send(&purchase.order(), Duration::ZERO).await {
        // The purchase is on record, and vouchers-reconcile sends what was not sent.
        tracing::error!(voucher_id = %purchase.id, %error, "order not sent yet");
    }
    match command.wait_until {
        None => accepted(&view(purchase, shop)),
        Some(until) => answer(wait::outcome(&stores.vouchers, clock, &purchase.id, until).await?, shop),
    }
}

impl Stores {
    /// Refuses a customer who is inactive or blocked.
    async fn check_acting(&self, caller: &Caller) -> Result<(), Problem> {
        let Some(customer) = caller.customer() else { return Ok(()) };
        match self.customers.status(customer).await.map_err(failed)? {
            // Who is no customer has no accounts either, and is told so.
            None | Some(CustomerStatus::Active) => Ok(()),
            Some(_) => Err(Problem::new(Code::CustomerNotActive, "This customer may not buy at present.")),
        }
    }
}
