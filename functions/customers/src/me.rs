//! Who is calling.
//!
//! Whoever has a token is somebody: a customer whose record is still missing, because sign-up or the trigger after it
//! broke off, gets it here. Staff without a record are told what the user pool knows.

use aws::{
    customers::{Customers, Provisioned},
    identity::{IdentityError, Refusal, Users},
};
use domain::{
    customer::{Customer, Registration},
    id::CustomerId,
};
use edge::{
    clock::Clock,
    http::{Answer, Caller, Code, Problem, Request, Role, ok},
};
use serde::Serialize;

use crate::problem;

#[derive(Serialize)]
struct Me<'a> {
    customer_id: &'a CustomerId,
    email: Option<&'a str>,
    phone: Option<&'a str>,
    given_name: Option<&'a str>,
    family_name: Option<&'a str>,
    groups: &'a [String],
}

/// `GET /me`
pub(crate) async fn me(
    customers: &Customers,
    users: &Users,
    clock: &impl Clock,
    request: &Request,
) -> Result<Answer, Problem> {
    let caller = request.person()?;
    let Caller::Person { customer: id, username, role, groups } = &caller else {
        return Err(Problem::forbidden());
    };
    if let Some(customer) = customers.customer(id).await.map_err(problem::store)? {
        return record(&customer, groups);
    }
    let attributes = match users.attributes(username).await {
        // A token may outlive its user; nobody is made from it.
        Err(IdentityError::Refused(Refusal::Unknown)) => return Err(Code::Unauthorized.into()),
        attributes => attributes.map_err(problem::identity)?,
    };
    if *role == Role::Customer
        && let Some(registration) = Registration::from_attributes(&attributes)
    {
        let customer = Customer::register(id.clone(), registration, clock.now());
        let outcome = customers.provision(customer).await.map_err(problem::store)?;
        tracing::info!(customer_id = %id, ?outcome, "a missing customer was made up for");
        if outcome != Provisioned::EmailTaken
            && let Some(customer) = customers.customer(id).await.map_err(problem::store)?
        {
            return record(&customer, groups);
        }
    }
    let attribute = |name: &str| attributes.get(name).map(String::as_str).filter(|text| !text.is_empty());
    ok(&Me {
        customer_id: id,
        email: attribute("email"),
        phone: attribute("phone_number"),
        given_name: attribute("given_name"),
        family_name: attribute("family_name"),
        groups,
    })
}

fn record(customer: &Customer, groups: &[String]) -> Result<Answer, Problem> {
    ok(&Me {
        customer_id: &customer.id,
        email: Some(customer.email.as_str()),
        phone: customer.phone.as_ref().map(|phone| phone.as_str()),
        given_name: Some(customer.given_name.as_str()),
        family_name: Some(customer.family_name.as_str()),
        groups,
    })
}
