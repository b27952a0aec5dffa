//! How refusals are told.

use aws::{ledger::transfers::PostError, store::StoreError};
use domain::order::{FieldError, FieldProblem, Order};
use edge::http::{Code, Problem};

/// What is wrong with an order itself, or with its instrument.
pub(crate) fn refused(error: FieldError) -> Problem {
    let code = match error.problem {
        FieldProblem::InvalidField(_) => Code::InvalidField,
        FieldProblem::InvalidAmount(_) => Code::InvalidAmount,
        FieldProblem::PriceTick => Code::PriceTick,
        FieldProblem::QuantityLot => Code::QuantityLot,
        FieldProblem::MinNotional => Code::MinNotional,
        FieldProblem::MaxNotional => Code::MaxNotional,
        FieldProblem::InstrumentHalted => {
            return Problem::new(Code::InstrumentHalted, "The instrument takes no orders at present.");
        }
    };
    Problem::field(code, format!("/{}", error.field), error.to_string())
}

/// The refusal that stays on record under its id.
pub(crate) fn unpaid(order: &Order) -> Problem {
    Problem::new(Code::InsufficientFunds, "There is not enough free in the wallet.").with("order_id", order.id.as_str())
}

/// The customer has as many open orders as one may have.
pub(crate) fn too_many(most: u64) -> Problem {
    Problem::new(Code::TooManyOpenOrders, format!("A customer may have {most} open orders; cancel some first."))
}

/// Another order has this name.
pub(crate) fn name_taken() -> Problem {
    Problem::new(Code::ClientOrderIdTaken, "This client_order_id stands for another order.")
}

/// It is over with this order.
pub(crate) fn not_open(order: &Order) -> Problem {
    Problem::new(Code::OrderNotOpen, format!("The order is {} already.", order.status.as_str()))
}

/// The store failed; the cause goes to the log once, here.
pub(crate) fn failed(error: StoreError) -> Problem {
    tracing::error!(%error, "orders");
    match error {
        StoreError::Conflict | StoreError::Unavailable(_) => Problem::unavailable(),
        StoreError::Corrupt(_) => Problem::from(Code::Internal),
    }
}

/// Placing failed without an answer of the rules.
pub(crate) fn not_placed(error: PostError) -> Problem {
    match error {
        PostError::Store(error) => failed(error),
        PostError::InProgress => Problem::in_progress(),
    }
}
