//! Sign-up and the confirmation of the address. See the picture in the crate for what may break off where.

use aws::{
    customers::{Claim, Customers, Refusal, WriteError},
    identity::{self, IdentityError, Sessions, Users},
};
use domain::{
    customer::{Customer, EmailAddress},
    id::CustomerId,
};
use edge::{
    clock::Clock,
    http::{Answer, Code, DocumentField, PersonFields, Problem, Request, created, no_content},
};
use serde::{Deserialize, Serialize};

use crate::{password, problem, who};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignUp {
    email: String,
    password: String,
    given_name: String,
    family_name: String,
    phone: Option<String>,
    document: Option<DocumentField>,
}

#[derive(Serialize)]
struct SignedUp<'a> {
    customer_id: &'a CustomerId,
    email: &'a EmailAddress,
}

/// `POST /auth/sign-up`
pub(crate) async fn create(
    sessions: &Sessions,
    users: &Users,
    customers: &Customers,
    clock: &impl Clock,
    request: &Request,
) -> Result<Answer, Problem> {
    let body: SignUp = request.parse()?;
    let person = PersonFields {
        email: &body.email,
        given_name: &body.given_name,
        family_name: &body.family_name,
        phone: body.phone.as_deref(),
        document: body.document.as_ref(),
    };
    let registration = person.registration()?;
    password::check(&body.password)?;

    let claims = Claim::wanted(&registration);
    if let Some(claim) = customers.first_taken(&claims).await.map_err(problem::store)? {
        return Err(problem::taken(&claim));
    }
    let subject = sessions
        .sign_up(&registration, &body.password)
        .await
        .map_err(|error| problem::identity(error, Code::InvalidField))?;
    let id = CustomerId::from_subject(&subject).ok_or(Code::Internal)?;
    let customer = Customer::register(id, registration, clock.now());

    match customers.create(&customer).await {
        // There already: the trigger was quicker, or the first try of this very write had arrived.
        Ok(()) | Err(WriteError::Refused(Refusal::Exists)) => {
            tracing::info!(customer_id = %customer.id, "customer signed up");
            created(&SignedUp { customer_id: &customer.id, email: &customer.email })
        }
        Err(WriteError::Refused(Refusal::Taken(claim))) => {
            take_back(users, &customer.id).await;
            Err(problem::taken(&claim))
        }
        Err(WriteError::Refused(Refusal::Stale)) => Err(Code::Internal.into()),
        // Perhaps written, perhaps not: the user stays, and his confirmation writes what is missing.
        Err(WriteError::Store(error)) => Err(problem::store(error)),
    }
}

/// Removes the user of a sign-up that lost the race for a phone or document. If that fails too, the user can still
/// confirm; he is then a customer without what was taken.
async fn take_back(users: &Users, id: &CustomerId) {
    if let Err(error) = users.delete(id).await {
        tracing::warn!(customer_id = %id, ?error, "the user of a refused sign-up could not be removed");
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Confirm {
    email: String,
    code: String,
}

/// `POST /auth/confirm`
pub(crate) async fn confirm(sessions: &Sessions, request: &Request) -> Result<Answer, Problem> {
    let body: Confirm = request.parse()?;
    let email = who::email(&body.email)?;
    match sessions.confirm(&email, &body.code).await {
        Ok(()) => Ok(no_content()),
        Err(IdentityError::Refused(identity::Refusal::Trigger)) => {
            // Confirmed all the same; what the trigger left undone is made up for when the customer asks for /me.
            tracing::warn!("the trigger failed after a confirmation");
            Ok(no_content())
        }
        Err(error) => Err(problem::identity(error, Code::InvalidCode)),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Resend {
    email: String,
}

/// `POST /auth/confirm/resend`: one answer, whether the address is known, confirmed or neither.
pub(crate) async fn resend(sessions: &Sessions, request: &Request) -> Result<Answer, Problem> {
    let body: Resend = request.parse()?;
    let email = who::email(&body.email)?;
    match sessions.resend(&email).await {
        Err(error @ IdentityError::Store(_)) => Err(problem::identity(error, Code::Internal)),
        Err(error @ IdentityError::Refused(identity::Refusal::TooMany)) => {
            Err(problem::identity(error, Code::RateLimited))
        }
        Ok(()) | Err(IdentityError::Refused(_)) => Ok(no_content().status(202)),
    }
}
