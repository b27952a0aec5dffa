//! Composition: environment, clients, run.

use aws::{
    client::Environment, customers::Customers, ledger::Ledger, phones::Phones, queues::Queue, secrets::Secret,
    vouchers::Vouchers,
};
use domain::voucher::Patience;
use edge::{clock::SystemClock, http, telemetry, variable};
use vouchers::{Shop, Stores, handle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init();
    let environment = Environment::read()?;
    let client = environment.dynamodb();
    let patience = Patience {
        deadline_seconds: variable::required("SUPPLIER_DEADLINE_SECONDS")?.parse()?,
        resend_seconds: variable::required("VOUCHER_RESEND_SECONDS")?.parse()?,
    };
    let ledger = Ledger::new(client.clone(), variable::required("LEDGER_TABLE")?);
    let stores = Stores {
        vouchers: Vouchers::new(client.clone(), variable::required("VOUCHERS_TABLE")?, patience),
        ledger,
        customers: Customers::new(client.clone(), variable::required("CUSTOMERS_TABLE")?),
        phones: Phones::new(client, variable::required("PHONES_TABLE")?),
    };
    let shop = Shop {
        orders: Queue::new(environment.sqs(), variable::required("VOUCHER_ORDER_QUEUE_URL")?),
        sales: variable::flag("VOUCHER_SALES"),
        phone_codes: variable::optional("PHONE_CODE_SECRET").map(|id| Secret::new(environment.secrets(), id)),
        searches_per_address: variable::required("PHONE_SEARCHES_PER_ADDRESS")?.parse()?,
        support: variable::required("SUPPORT_CONTACT")?,
    };
    http::serve(http::Settings::from_environment(), |request| handle(&stores, &shop, &SystemClock, request)).await
}
