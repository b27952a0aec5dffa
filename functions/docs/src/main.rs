//! Composition: run. This function needs nothing of its surroundings.

use edge::{http, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init();
    http::serve(http::Settings::from_environment(), |request| async move { docs::handle(&request) }).await
}
