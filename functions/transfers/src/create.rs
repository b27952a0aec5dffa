//! POST /transfers.

use aws::ledger::{Ledger, transfers::Posted};
use domain::{
    Timestamp,
    id::{AccountId, TransferId, derive},
    transfer::{Accounts, Authority, Command, Kind, Rejection, State, Transfer, decide},
};
use edge::{
    clock::Clock,
    http::{Answer, Caller, Problem, Request, Sight, TransferView, created},
};

use crate::{
    Policy, Stores,
    answers::{failed, not_posted, refused, rejected},
    body::{Body, Named, Wish},
};

pub(crate) async fn create(
    stores: &Stores,
    clock: &impl Clock,
    policy: &Policy,
    request: &Request,
) -> Result<Answer, Problem> {
    let ledger = &stores.ledger;
    let caller = request.person()?;
    let wish = request.parse::<Body>()?.understand()?;
    if wish.kind == Kind::Deposit && !policy.self_service_deposits && !caller.is_staff() {
        return Err(Problem::forbidden());
    }
    let key = request.idempotency_key(&caller)?;
    let command = name(ledger, &caller, TransferId::from_bytes(key.bytes()), wish).await?;

    let sides: Vec<_> = [&command.from, &command.to].into_iter().flatten().collect();
    let (known, acting) = tokio::join!(ledger.known(&command.id, &sides), stores.check_acting(&caller));
    let known = known.map_err(failed)?;
    let now = clock.now();
    if let Some(before) = &known.transfer {
        return replay(before, &command, now);
    }
    let accounts = Accounts { from: known.account(command.from.as_ref()), to: known.account(command.to.as_ref()) };
    let decision = decide(&accounts, &command, now);
    if !matches!(decision, Err(Rejection::SameAccount | Rejection::AccountNotFound)) {
        // Existence is told before state, and whether somebody may act before the state of his accounts.
        acting?;
    }
    let posted = ledger.post(&decision.map_err(refused)?).await;
    match posted.map_err(not_posted)? {
        Posted::Done(transfer) => {
            log(&transfer, now);
            answer(&transfer, now)
        }
        Posted::Before(before) => replay(&before, &command, now),
        Posted::Refused(rejection) => Err(refused(rejection)),
    }
}

/// The wish as a command: a number becomes the account it names.
async fn name(ledger: &Ledger, caller: &Caller, id: TransferId, wish: Wish) -> Result<Command, Problem> {
    let to = match wish.to {
        None => None,
        Some(Named::Id(id)) => Some(id),
        Some(Named::Number(number)) => {
            let account = ledger.account_by_number(&number).await.map_err(failed)?;
            // A number that nobody has names an account that nobody has: it is not found where others are not.
            Some(account.unwrap_or_else(|| AccountId::from_bytes(derive(&["no account", number.as_str()]))))
        }
    };
    let customer = caller.customer().ok_or_else(Problem::forbidden)?;
    Ok(Command {
        id,
        kind: wish.kind,
        money: wish.money,
        from: wish.from,
        to,
        description: wish.description,
        metadata: wish.metadata,
        hold: wish.hold,
        initiator: caller.subject().to_owned(),
        authority: if caller.is_staff() { Authority::Bank } else { Authority::Customer(customer.clone()) },
    })
}

/// The first answer again, or the field that makes this another request.
fn replay(before: &Transfer, command: &Command, now: Timestamp) -> Result<Answer, Problem> {
    if let Some(field) = before.first_difference(command) {
        return Err(Problem::key_reused(field));
    }
    match answer(&before.as_decided(), before.created_at) {
        Ok(answer) => Ok(answer.replayed(true)),
        Err(problem) => {
            tracing::info!(transfer_id = %before.id, status = before.status(now).as_str(), "refusal repeated");
            Err(problem.header("Idempotent-Replayed", "true"))
        }
    }
}

fn answer(transfer: &Transfer, now: Timestamp) -> Result<Answer, Problem> {
    match transfer.state {
        State::Rejected { .. } => Err(rejected(transfer)),
        _ => created(&TransferView::new(transfer, Sight::Full, now)),
    }
}

fn log(transfer: &Transfer, now: Timestamp) {
    tracing::info!(
        transfer_id = %transfer.id,
        kind = transfer.kind.as_str(),
        status = transfer.status(now).as_str(),
        currency = transfer.currency().code(),
        "transfer decided"
    );
}
