//! POST /transfers/{id}/capture and /void: a hold ends once.

use aws::ledger::{
    Ledger,
    transfers::{ResolutionKey, Resolved},
};
use domain::{
    Money, Timestamp,
    id::TransferId,
    transfer::{HoldRejection, State, Transfer},
};
use edge::{
    clock::Clock,
    http::{AmountField, Answer, Caller, Code, Problem, Request, Sight, TransferView, ok},
};
use serde::Deserialize;

use crate::Stores;
use crate::answers::{failed, hold_refused, not_posted, refused};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaptureBody {
    amount: Option<AmountField>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct VoidBody {}

pub(crate) async fn capture(stores: &Stores, clock: &impl Clock, request: &Request) -> Result<Answer, Problem> {
    let ledger = &stores.ledger;
    let caller = request.person()?;
    let body = request.parse_or_default::<CaptureBody>()?;
    if let Some(amount) = &body.amount {
        amount.check_form("/amount")?;
    }
    let key = request.idempotency_key(&caller)?;
    let (hold, captured_by) = own_hold(ledger, &caller, request).await?;
    let amount = body.amount.map(|amount| amount.money(hold.currency(), "/amount")).transpose()?;
    let by = ResolutionKey { id: TransferId::from_bytes(key.bytes()), amount: amount.as_ref().map(Money::to_string) };
    let now = clock.now();
    if let Some(replay) = replay(&hold, captured_by.as_ref(), &by, now) {
        return replay;
    }
    stores.check_acting(&caller).await?;
    let resolution = hold.capture(amount, now).map_err(hold_refused)?;
    match ledger.resolve(&hold, &resolution, Some(&by)).await.map_err(not_posted)? {
        Resolved::Done(transfer) => answer(&transfer, now, "hold captured"),
        Resolved::Before(transfer, captured_by) => replay(&transfer, captured_by.as_ref(), &by, now)
            .unwrap_or_else(|| Err(hold_refused(HoldRejection::NotPending))),
        Resolved::Refused(rejection) => Err(refused(rejection)),
    }
}

pub(crate) async fn void(ledger: &Ledger, clock: &impl Clock, request: &Request) -> Result<Answer, Problem> {
    let caller = request.person()?;
    request.parse_or_default::<VoidBody>()?;
    request.optional_idempotency_key(&caller)?;
    let (hold, _) = own_hold(ledger, &caller, request).await?;
    let now = clock.now();
    let Some(resolution) = hold.void(now).map_err(hold_refused)? else {
        return ok(&TransferView::new(&hold, Sight::Full, now));
    };
    match ledger.resolve(&hold, &resolution, None).await.map_err(not_posted)? {
        Resolved::Done(transfer) => answer(&transfer, now, "hold voided"),
        Resolved::Before(transfer, _) if matches!(transfer.state, State::Voided { .. }) => {
            ok(&TransferView::new(&transfer, Sight::Full, now))
        }
        Resolved::Before(..) => Err(hold_refused(HoldRejection::NotPending)),
        Resolved::Refused(rejection) => Err(refused(rejection)),
    }
}

/// The hold, if the caller disposes of the money in it: the debited account's owner, or staff.
async fn own_hold(
    ledger: &Ledger,
    caller: &Caller,
    request: &Request,
) -> Result<(Transfer, Option<ResolutionKey>), Problem> {
    let id = request.path_id("id", TransferId::parse)?;
    let (transfer, captured_by) = ledger.transfer_row(&id).await.map_err(failed)?.ok_or_else(Problem::not_found)?;
    if !caller.is_staff() {
        let debited = match transfer.debit.account() {
            Some(account) => ledger.account(account).await.map_err(failed)?,
            None => None,
        };
        if !debited.is_some_and(|account| caller.may_serve(&account.owner)) {
            return Err(Problem::not_found());
        }
    }
    if transfer.kind.resolves_itself() {
        return Err(Problem::new(Code::Forbidden, "This money is reserved for a purchase, whose outcome resolves it."));
    }
    Ok((transfer, captured_by))
}

/// The answer to a capture that this very key has made before; `None` if it has not.
fn replay(
    hold: &Transfer,
    captured_by: Option<&ResolutionKey>,
    by: &ResolutionKey,
    now: Timestamp,
) -> Option<Result<Answer, Problem>> {
    let before = captured_by.filter(|before| before.id == by.id)?;
    if before.amount != by.amount {
        return Some(Err(Problem::key_reused("amount")));
    }
    let mut captured = hold.clone();
    if let State::Captured { reversed_by, .. } = &mut captured.state {
        *reversed_by = None;
    }
    Some(ok(&TransferView::new(&captured, Sight::Full, now)).map(|answer| answer.replayed(true)))
}

fn answer(transfer: &Transfer, now: Timestamp, what: &'static str) -> Result<Answer, Problem> {
    tracing::info!(transfer_id = %transfer.id, status = transfer.status(now).as_str(), "{what}");
    ok(&TransferView::new(transfer, Sight::Full, now))
}
