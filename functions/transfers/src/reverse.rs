//! POST /transfers/{id}/reverse: what moved goes back, once, as a transfer of its own.

use aws::ledger::{Ledger, transfers::Posted};
use domain::{
    Timestamp,
    id::TransferId,
    transfer::{Accounts, State, Transfer, decide_reversal},
};
use edge::{
    clock::Clock,
    http::{Answer, FieldErrors, Problem, Request, Sight, TransferView, created},
};
use serde::Deserialize;

use crate::{
    answers::{failed, not_posted, refused, rejected},
    body::is_line,
};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    description: Option<String>,
}

pub(crate) async fn reverse(ledger: &Ledger, clock: &impl Clock, request: &Request) -> Result<Answer, Problem> {
    let caller = request.admin()?;
    let description = request.parse_or_default::<Body>()?.description.filter(|text| !text.is_empty());
    let mut errors = FieldErrors::new();
    errors.check(
        description.as_deref().is_none_or(is_line),
        "/description",
        "must be one line of up to 140 characters",
    );
    errors.finish()?;
    let key = request.idempotency_key(&caller)?;
    let id = TransferId::from_bytes(key.bytes());
    let original = request.path_id("id", TransferId::parse)?;
    let original = ledger.transfer(&original).await.map_err(failed)?.ok_or_else(Problem::not_found)?;

    let sides: Vec<_> = [original.credit.account(), original.debit.account()].into_iter().flatten().collect();
    let known = ledger.known(&id, &sides).await.map_err(failed)?;
    if let Some(before) = &known.transfer {
        return replay(before, description.as_deref());
    }
    let now = clock.now();
    let accounts =
        Accounts { from: known.account(original.credit.account()), to: known.account(original.debit.account()) };
    let initiator = caller.subject().to_owned();
    let posted = match decide_reversal(&original, &accounts, id, initiator, description.clone(), now) {
        Ok(reversal) => ledger.reverse(&reversal, &original.id).await,
        Err(rejection) => return Err(refused(rejection)),
    };
    match posted.map_err(not_posted)? {
        Posted::Done(reversal) => {
            tracing::info!(transfer_id = %reversal.id, reverses = %original.id, "transfer reversed");
            answer(&reversal, now)
        }
        Posted::Before(before) => replay(&before, description.as_deref()),
        Posted::Refused(rejection) => Err(refused(rejection)),
    }
}

/// The id is made from the path with the original's id in it, so only the description can differ.
fn replay(before: &Transfer, description: Option<&str>) -> Result<Answer, Problem> {
    if before.description.as_deref() != description {
        return Err(Problem::key_reused("description"));
    }
    match answer(&before.as_decided(), before.created_at) {
        Ok(answer) => Ok(answer.replayed(true)),
        Err(problem) => Err(problem.header("Idempotent-Replayed", "true")),
    }
}

fn answer(reversal: &Transfer, now: Timestamp) -> Result<Answer, Problem> {
    match reversal.state {
        State::Rejected { .. } => Err(rejected(reversal)),
        _ => created(&TransferView::new(reversal, Sight::Full, now)),
    }
}
