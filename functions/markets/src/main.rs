//! Composition: environment, clients, run.

use aws::{
    client::Environment,
    exchange::{Exchange, Freshness, Warm},
};
use edge::{clock::SystemClock, http, telemetry, variable};
use markets::{Days, Stores, handle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init();
    let exchange = Exchange::new(Environment::read()?.dynamodb(), variable::required("EXCHANGE_TABLE")?);
    let stores = Stores { warm: Warm::new(exchange, Freshness::default()), days: Days::default() };
    http::serve(http::Settings::from_environment(), |request| handle(&stores, &SystemClock, request)).await
}
