//! Composition: environment, clients, run.

use aws::{athena::Athena, client::Environment, customers::Customers, objects::Bucket};
use edge::{clock::SystemClock, http, telemetry, variable};
use reports::{Lake, Stores, handle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init();
    let environment = Environment::read()?;
    let lake = Lake {
        athena: Athena::new(environment.athena(), variable::required("LAKE_DATABASE")?),
        bucket: Bucket::new(environment.s3(), variable::required("LAKE_BUCKET")?),
        reports: variable::required("REPORTS_WORKGROUP")?,
        queries: variable::required("QUERIES_WORKGROUP")?,
    };
    let customers = Customers::new(environment.dynamodb(), variable::required("CUSTOMERS_TABLE")?);
    let stores = Stores { lake, customers };
    http::serve(http::Settings::from_environment(), |request| handle(&stores, &SystemClock, request)).await
}
