//! POST /wallet/transfers.

use aws::ledger::transfers::Posted;
use domain::{
    Timestamp,
    id::{AccountId, TransferId},
    transfer::{Rejection, State, Transfer},
    wallet::{Direction, WalletTransfer},
};
use edge::{
    clock::Clock,
    http::{AmountField, Answer, Code, CurrencyField, FieldErrors, Problem, Request, Sight, TransferView, created},
};
use serde::Deserialize;

use crate::{
    Stores,
    answers::{failed, not_posted, refused, rejected},
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    direction: String,
    account_id: String,
    amount: AmountField,
    currency: CurrencyField,
}

pub(crate) async fn transfer(stores: &Stores, clock: &impl Clock, request: &Request) -> Result<Answer, Problem> {
    let caller = request.person()?;
    let body = request.parse::<Body>()?;
    let mut errors = FieldErrors::new();
    let direction = errors.parse("/direction", &body.direction, Direction::parse, "must be one of in, out");
    let account = errors.parse("/account_id", &body.account_id, AccountId::parse, "must be an account id");
    errors.finish()?;
    let (direction, account) = direction.zip(account).ok_or(Code::InvalidField)?;
    let money = body.amount.money(body.currency.0, "/amount")?;
    let key = request.idempotency_key(&caller)?;
    let id = TransferId::from_bytes(key.bytes());

    let (before, found, acting) =
        tokio::join!(stores.ledger.transfer(&id), stores.ledger.account(&account), stores.check_acting(&caller));
    let found = found.map_err(failed)?;
    // Staff move the money of whoever the account belongs to.
    let owner = found.as_ref().filter(|_| caller.is_staff()).map(|account| &account.owner);
    let customer = owner.or(caller.customer()).ok_or_else(Problem::forbidden)?.clone();
    let wallet = stores.ledger.wallet(&customer).await.map_err(failed)?;
    let initiator = caller.subject().to_owned();
    let wish = WalletTransfer { id, direction, account, customer, money, initiator };
    let now = clock.now();
    if let Some(before) = before.map_err(failed)? {
        return replay(&before, &wish);
    }
    let decision = wish.decide(found.as_ref(), &wallet, now);
    if !matches!(decision, Err(Rejection::AccountNotFound)) {
        // Existence is told before state, and whether somebody may act before the state of his accounts.
        acting?;
    }
    let posted = stores.exchange().post(&stores.ledger, &decision.map_err(refused)?).await;
    match posted.map_err(not_posted)? {
        Posted::Done(transfer) => {
            tracing::info!(
                transfer_id = %transfer.id,
                direction = wish.direction.as_str(),
                status = transfer.status(now).as_str(),
                currency = transfer.currency().code(),
                "wallet transfer decided"
            );
            answer(&transfer, now)
        }
        Posted::Before(before) => replay(&before, &wish),
        Posted::Refused(rejection) => Err(refused(rejection)),
    }
}

/// The first answer again, or the field that makes this another request.
fn replay(before: &Transfer, wish: &WalletTransfer) -> Result<Answer, Problem> {
    if let Some(field) = wish.first_difference(before) {
        return Err(Problem::key_reused(field));
    }
    match answer(&before.as_decided(), before.created_at) {
        Ok(answer) => Ok(answer.replayed(true)),
        Err(problem) => Err(problem.header("Idempotent-Replayed", "true")),
    }
}

fn answer(transfer: &Transfer, now: Timestamp) -> Result<Answer, Problem> {
    match transfer.state {
        State::Rejected { .. } => Err(rejected(transfer)),
        _ => created(&TransferView::new(transfer, Sight::Full, now)),
    }
}
