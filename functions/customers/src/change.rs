//! Replaces what is known about a customer. The table decides, the user pool follows; a call that broke off between
//! the two is made good by repeating it.

use aws::{
    customers::{Customers, Refusal, WriteError},
    identity::{self, IdentityError, Users},
};
use domain::{
    customer::{Customer, CustomerStatus, EmailAddress, PersonName, PhoneNumber, Replacement},
    id::CustomerId,
};
use edge::http::{Answer, Caller, Code, FieldErrors, Problem, Request, ok};
use serde::Deserialize;

use crate::{access, problem};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    given_name: String,
    family_name: String,
    email: String,
    phone: Option<String>,
    status: Option<String>,
}

impl Body {
    fn replacement(&self) -> Result<Replacement, Problem> {
        let mut errors = FieldErrors::new();
        let given_name = errors.parse("/given_name", &self.given_name, PersonName::parse, PersonName::EXPECTED);
        let family_name = errors.parse("/family_name", &self.family_name, PersonName::parse, PersonName::EXPECTED);
        let email = errors.parse("/email", &self.email, EmailAddress::parse, EmailAddress::EXPECTED);
        let phone = self.phone.as_deref();
        let phone = phone.and_then(|text| errors.parse("/phone", text, PhoneNumber::parse, PhoneNumber::EXPECTED));
        let status = self.status.as_deref();
        let status =
            status.and_then(|text| errors.parse("/status", text, CustomerStatus::parse, CustomerStatus::EXPECTED));
        errors.finish()?;
        let replacement = || {
            let (given_name, family_name, email) = (given_name?, family_name?, email?);
            Some(Replacement { given_name, family_name, email, phone, status })
        };
        replacement().ok_or_else(|| Code::InvalidField.into())
    }
}

/// `PUT /customers/{id}`
pub(crate) async fn replace(customers: &Customers, users: &Users, request: &Request) -> Result<Answer, Problem> {
    let caller = request.person()?;
    let replacement = request.parse::<Body>()?.replacement()?;
    let id = access::served(&caller, request)?;
    let demanded = request.if_match()?;
    let (before, after) = commit(customers, &caller, &id, &replacement, demanded).await?;
    follow(customers, users, &caller, &before, &after, replacement.status).await?;
    tracing::info!(customer_id = %id, version = after.version, status = after.status.as_str(), "customer replaced");
    Ok(ok(&after)?.etag(after.version))
}

/// Decides and writes; anew when somebody else was quicker, unless the caller demanded a version. A replacement that
/// changes nothing writes nothing.
async fn commit(
    customers: &Customers,
    caller: &Caller,
    id: &CustomerId,
    replacement: &Replacement,
    demanded: Option<u64>,
) -> Result<(Customer, Customer), Problem> {
    for _ in 0..access::ATTEMPTS {
        let before = access::load(customers, id).await?;
        access::check_version(demanded, &before)?;
        let after = before.replaced(replacement, caller.is_staff()).map_err(problem::rejected)?;
        access::check_active(caller, &before)?;
        if (Customer { version: before.version, ..after.clone() }) == before {
            return Ok((before.clone(), before));
        }
        match customers.replace(&before, &after).await {
            Ok(()) => return Ok((before, after)),
            Err(WriteError::Refused(Refusal::Stale)) => {}
            Err(error) => return Err(problem::write(error)),
        }
    }
    Err(Problem::unavailable())
}

/// Brings the user pool in line, changed or not: the call before this one may have broken off here.
async fn follow(
    customers: &Customers,
    users: &Users,
    caller: &Caller,
    before: &Customer,
    after: &Customer,
    status: Option<CustomerStatus>,
) -> Result<(), Problem> {
    match users.update(after, caller.is_staff()).await {
        Ok(()) => {}
        Err(IdentityError::Refused(identity::Refusal::Unknown)) => {
            // A customer without a user, taken over from elsewhere: nobody signs in as him, nothing to follow.
            return Ok(());
        }
        Err(error @ IdentityError::Refused(identity::Refusal::Exists)) => {
            let version = after.version + 1;
            let back = Customer { version, ..before.clone() };
            if let Err(error) = customers.replace(after, &back).await {
                tracing::warn!(customer_id = %after.id, ?error, "an address the user pool refused could not be taken back");
            }
            return Err(problem::identity(error));
        }
        Err(error) => return Err(problem::identity(error)),
    }
    let access = match status.filter(|_| caller.is_staff()) {
        Some(CustomerStatus::Blocked) => users.block(&after.id).await,
        Some(CustomerStatus::Active | CustomerStatus::Inactive) => users.unblock(&after.id).await,
        None => Ok(()),
    };
    access.map_err(problem::identity)
}
