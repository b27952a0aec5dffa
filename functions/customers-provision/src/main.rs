//! Composition: environment, clients, run.

use aws::{client::Environment, customers::Customers, identity::Users};
use customers_provision::{Provision, handle};
use edge::{clock::SystemClock, telemetry, variable, worker};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init();
    let environment = Environment::read()?;
    let user_pool = environment.cognito();
    let provision = Provision {
        customers: Customers::new(environment.dynamodb(), variable::required("CUSTOMERS_TABLE")?),
        users: move |pool| Users::new(user_pool.clone(), pool),
        clock: SystemClock,
    };
    let provision = &provision;
    worker::run(|event| handle(provision, event)).await
}
