//! Composition: environment, clients, run.

use auth::{Auth, providers::Providers};
use aws::{
    client::Environment,
    customers::Customers,
    identity::{Sessions, Users},
};
use edge::{clock::SystemClock, http, telemetry, variable};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init();
    let environment = Environment::read()?;
    let user_pool = environment.cognito();
    let client_id = variable::required("USER_POOL_CLIENT_ID")?;
    let auth = Auth {
        sessions: Sessions::new(user_pool.clone(), client_id.clone()),
        users: Users::new(user_pool, variable::required("USER_POOL_ID")?),
        customers: Customers::new(environment.dynamodb(), variable::required("CUSTOMERS_TABLE")?),
        providers: Providers::from_environment(client_id),
        clock: SystemClock,
    };
    let auth = &auth;
    http::serve(http::Settings::from_environment(), |request| auth::handle(auth, request)).await
}
