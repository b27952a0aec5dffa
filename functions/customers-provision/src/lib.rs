//! The user pool's trigger after a confirmation: whoever is a user becomes a customer, and is shown in the group
//! `customers`.
//!
//! Sign-up has usually written the customer already; this makes up for one that broke off, and is the only one to
//! do it for a first sign-in through Google, Facebook or GitHub. It never touches a customer who is there, gives no
//! rights (whoever is in no staff group is a customer), and may run any number of times.
//! The pool waits 5 s and takes the event back as it came.

use std::collections::BTreeMap;

use aws::{
    customers::{Customers, Provisioned},
    identity::{IdentityError, Users},
};
use domain::{
    customer::{Customer, Registration},
    id::CustomerId,
};
use edge::clock::Clock;
use serde::Deserialize;
use serde_json::Value;

/// The group that confirmed users are shown in.
pub const GROUP: &str = "customers";

/// What the trigger stands on.
pub struct Provision<U, C> {
    /// Where customers are kept.
    pub customers: Customers,
    /// The users of the pool that calls. The pool is known from the event only: in the environment its id would
    /// make pool and trigger wait for each other at deployment.
    pub users: U,
    /// Dates a new customer.
    pub clock: C,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Trigger {
    trigger_source: String,
    user_pool_id: String,
    user_name: String,
    request: Confirmed,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Confirmed {
    user_attributes: BTreeMap<String, String>,
}

/// Answers one event. An error tells the pool that the trigger failed; the user stays confirmed, and `/me` makes up
/// for what is missing.
pub async fn handle<U, C>(provision: &Provision<U, C>, event: Value) -> Result<Value, lambda_runtime::Error>
where
    U: Fn(String) -> Users,
    C: Clock,
{
    let trigger = Trigger::deserialize(&event)?;
    // The same trigger runs after a forgotten password: nothing new about the user then.
    if trigger.trigger_source == "PostConfirmation_ConfirmSignUp" {
        let Trigger { user_pool_id, user_name, request, .. } = trigger;
        let users = (provision.users)(user_pool_id);
        let (row, group) = (
            make_customer(&provision.customers, &provision.clock, &request.user_attributes).await,
            users.add_to_group(&user_name, GROUP).await,
        );
        row?;
        group.map_err(|error| match error {
            IdentityError::Refused(refusal) => format!("the user pool refused the group: {refusal:?}"),
            IdentityError::Store(error) => error.to_string(),
        })?;
    }
    Ok(event)
}

async fn make_customer(
    customers: &Customers,
    clock: &impl Clock,
    attributes: &BTreeMap<String, String>,
) -> Result<(), lambda_runtime::Error> {
    let id = attributes.get("sub").and_then(|subject| CustomerId::from_subject(subject)).ok_or("no subject")?;
    let Some(registration) = Registration::from_attributes(attributes) else {
        tracing::warn!(customer_id = %id, "a user without a usable address is no customer");
        return Ok(());
    };
    let customer = Customer::register(id, registration, clock.now());
    let id = customer.id.clone();
    match customers.provision(customer).await? {
        Provisioned::Present => {}
        Provisioned::Created => tracing::info!(customer_id = %id, "customer made from the user's attributes"),
        Provisioned::WithoutPhone => {
            tracing::warn!(customer_id = %id, "customer made without the phone: another customer has it");
        }
        Provisioned::EmailTaken => {
            tracing::warn!(customer_id = %id, "no customer made: another customer has the address");
        }
    }
    Ok(())
}
