//! The trigger after a confirmation, on a real table and a real user pool.

use aws::{
    customers::{Claim, Customers},
    identity::{Sessions, Users},
};
use customers_provision::{Provision, handle};
use domain::{
    customer::{Customer, EmailAddress, PersonName, PhoneNumber, Registration},
    id::CustomerId,
};
use edge::clock::Clock;
use serde_json::{Value, json};
use testkit::{ManualClock, Stack, UserPool, customer as id_of, event};

struct World {
    _stack: Stack,
    pool: UserPool,
    customers: Customers,
    clock: ManualClock,
}

impl World {
    async fn new() -> Self {
        let (stack, pool) = (Stack::start().await, UserPool::start().await);
        let customers = Customers::new(stack.environment().dynamodb(), stack.table("CustomersTable"));
        Self { _stack: stack, pool, customers, clock: ManualClock::default() }
    }

    async fn run(&self, event: Value) -> Result<Value, String> {
        let client = self.pool.environment().cognito();
        let users = |pool| Users::new(client.clone(), pool);
        let provision = Provision { customers: self.customers.clone(), users, clock: self.clock.clone() };
        handle(&provision, event).await.map_err(|error| error.to_string())
    }

    /// A user who has confirmed, but whose rows were never written; the event his trigger got.
    async fn confirmed_user(&self, registration: &Registration) -> Value {
        let sessions = Sessions::new(self.pool.environment().cognito(), self.pool.client_id());
        sessions.sign_up(registration, "Florin-demo-1").await.expect("signed up");
        let code = self.pool.code(registration.email.as_str());
        sessions.confirm(&registration.email, &code).await.expect("confirmed");
        self.pool.trigger_events().pop().expect("a trigger event")
    }

    async fn holder(&self, claim: Claim) -> Option<CustomerId> {
        self.customers.holder(&claim).await.expect("read")
    }
}

fn alice() -> Registration {
    Registration {
        given_name: PersonName::parse("Alice").expect("a name"),
        family_name: PersonName::parse("Quispe").expect("a name"),
        email: EmailAddress::parse("alice@example.com").expect("an address"),
        phone: PhoneNumber::parse("+51987654321"),
        document: None,
    }
}

fn subject(event: &Value) -> CustomerId {
    let subject = event["request"]["userAttributes"]["sub"].as_str().expect("a subject");
    CustomerId::from_subject(subject).expect("a subject")
}

#[tokio::test]
async fn a_sign_up_that_broke_off_is_made_good_and_running_again_changes_nothing() {
    let world = World::new().await;
    let event = world.confirmed_user(&alice()).await;
    assert_eq!(world.run(event.clone()).await, Ok(event.clone()), "the event goes back as it came");
    let made = world.customers.customer(&subject(&event)).await.expect("read").expect("a customer");
    assert_eq!(made, Customer::register(made.id.clone(), alice(), world.clock.now()));

    world.clock.advance_seconds(60);
    assert_eq!(world.run(event.clone()).await, Ok(event.clone()));
    assert_eq!(world.customers.customer(&made.id).await.expect("read"), Some(made));

    let sessions = Sessions::new(world.pool.environment().cognito(), world.pool.client_id());
    let signed_in = sessions.sign_in("alice@example.com", "Florin-demo-1").await.expect("signed in");
    let aws::identity::SignedIn::Tokens(tokens) = signed_in else { panic!("{signed_in:?}") };
    assert_eq!(world.pool.claims(&tokens.access)["cognito:groups"], "customers");
}

#[tokio::test]
async fn a_customer_who_is_there_is_not_touched() {
    let world = World::new().await;
    let event = world.confirmed_user(&alice()).await;
    let other = Registration { given_name: PersonName::parse("Alicia").expect("a name"), ..alice() };
    let there = Customer::register(subject(&event), other, world.clock.now());
    world.customers.create(&there).await.expect("written");
    assert!(world.run(event).await.is_ok());
    assert_eq!(world.customers.customer(&there.id).await.expect("read"), Some(there));
}

#[tokio::test]
async fn a_phone_taken_meanwhile_is_left_out() {
    let world = World::new().await;
    let event = world.confirmed_user(&alice()).await;
    let email = EmailAddress::parse("bob@example.com").expect("an address");
    let bob = Customer::register(id_of("bob"), Registration { email, ..alice() }, world.clock.now());
    world.customers.create(&bob).await.expect("written");
    assert!(world.run(event.clone()).await.is_ok());
    let made = world.customers.customer(&subject(&event)).await.expect("read").expect("a customer");
    assert_eq!(made.phone, None);
    assert_eq!(world.holder(Claim::Phone(bob.phone.expect("a phone"))).await, Some(bob.id));
}

#[tokio::test]
async fn an_address_of_another_customer_makes_no_customer_and_no_failure() {
    let world = World::new().await;
    let event = world.confirmed_user(&alice()).await;
    let bob = Customer::register(id_of("bob"), alice(), world.clock.now());
    world.customers.create(&bob).await.expect("written");
    assert!(world.run(event.clone()).await.is_ok());
    assert_eq!(world.customers.customer(&subject(&event)).await.expect("read"), None);
}

#[tokio::test]
async fn a_forgotten_password_runs_the_same_trigger_and_does_nothing() {
    let world = World::new().await;
    let event = event("customers-provision.forgot-password.json");
    assert_eq!(world.run(event.clone()).await, Ok(event.clone()));
    assert_eq!(world.customers.customer(&subject(&event)).await.expect("read"), None);
}

#[tokio::test]
async fn a_failed_group_fails_the_trigger_but_not_the_customer() {
    let world = World::new().await;
    // This event's pool does not exist here, so the group cannot be given.
    let event = event("customers-provision.confirmed.json");
    assert!(world.run(event.clone()).await.is_err());
    assert!(world.customers.customer(&subject(&event)).await.expect("read").is_some());
}

#[tokio::test]
async fn an_event_without_a_subject_fails() {
    let world = World::new().await;
    let mut event = event("customers-provision.confirmed.json");
    event["request"]["userAttributes"] = json!({"email": "alice@example.com"});
    assert!(world.run(event).await.is_err());
    assert!(world.run(json!({})).await.is_err());
}
