//! Staff makes a customer; the user pool invites him by mail with a temporary password.

use aws::{
    customers::{Claim, Customers, Refusal, WriteError},
    identity::{self, IdentityError, Users},
};
use domain::{
    customer::{Customer, Registration},
    id::CustomerId,
};
use edge::{
    clock::Clock,
    http::{Answer, Code, DocumentField, PersonFields, Problem, Request, created},
};
use serde::Deserialize;

use crate::problem;

/// The group that customers are shown in; no right depends on it.
const GROUP: &str = "customers";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewCustomer {
    given_name: String,
    family_name: String,
    email: String,
    phone: Option<String>,
    document: Option<DocumentField>,
}

/// Where the user behind a new customer comes from.
enum User {
    /// Made just now.
    New(CustomerId),
    /// Was in the pool, perhaps left there by a call that broke off.
    Found(CustomerId),
}

/// `POST /customers`
pub(crate) async fn create(
    customers: &Customers,
    users: &Users,
    clock: &impl Clock,
    request: &Request,
) -> Result<Answer, Problem> {
    request.staff()?;
    let body: NewCustomer = request.parse()?;
    let person = PersonFields {
        email: &body.email,
        given_name: &body.given_name,
        family_name: &body.family_name,
        phone: body.phone.as_deref(),
        document: body.document.as_ref(),
    };
    let registration = person.registration()?;
    let claims = Claim::wanted(&registration);
    if let Some(claim) = customers.first_taken(&claims).await.map_err(problem::store)? {
        return Err(problem::taken(&claim));
    }

    let user = find_or_create(users, &registration).await?;
    let (User::New(id) | User::Found(id)) = &user;
    let customer = Customer::register(id.clone(), registration, clock.now());
    match (customers.create(&customer).await, &user) {
        (Ok(()), _) | (Err(WriteError::Refused(Refusal::Exists)), User::New(_)) => {}
        (Err(error @ WriteError::Refused(_)), User::New(id)) => {
            if let Err(error) = users.delete(id).await {
                tracing::warn!(customer_id = %id, ?error, "the user of a refused customer could not be removed");
            }
            return Err(problem::write(error));
        }
        (Err(error), _) => return Err(problem::write(error)),
    }
    if let Some(subject) = customer.id.subject()
        && let Err(error) = users.add_to_group(&subject, GROUP).await
    {
        tracing::warn!(customer_id = %customer.id, ?error, "a new customer is not shown in the group");
    }
    tracing::info!(customer_id = %customer.id, "customer created by staff");
    Ok(created(&customer)?.etag(customer.version))
}

/// A user for the address. One whom no customer has yet is taken over, so that a call that broke off after making
/// him can be repeated.
async fn find_or_create(users: &Users, registration: &Registration) -> Result<User, Problem> {
    let (subject, made): (String, fn(CustomerId) -> User) = match users.create(registration).await {
        Ok(subject) => (subject, User::New),
        Err(IdentityError::Refused(identity::Refusal::Exists)) => {
            let found = users.subject(&registration.email).await.map_err(problem::identity)?;
            (found.ok_or_else(|| problem::taken(&Claim::Email(registration.email.clone())))?, User::Found)
        }
        Err(IdentityError::Refused(identity::Refusal::Invalid(reason))) => {
            return Err(Problem::new(Code::InvalidField, reason.as_str()));
        }
        Err(error) => return Err(problem::identity(error)),
    };
    CustomerId::from_subject(&subject).map(made).ok_or_else(|| Code::Internal.into())
}
