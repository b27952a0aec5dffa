//! Recomputes bank and exchange from their rows and publishes what is wrong as metrics: per currency and per asset in
//! wallets the difference from zero, over all the number of accounts that their entries do not explain. Alarms stand on
//! whether all of it is right.

use aws::{exchange::Exchange, ledger::Ledger};
use domain::{Money, audit::Audit};
use edge::{clock::Clock, telemetry};
use lambda_runtime::Error;
use serde_json::{Map, Value, json};

/// One run. Answers what it publishes, per currency.
pub async fn audit(ledger: &Ledger, exchange: &Exchange, clock: &impl Clock, namespace: &str) -> Result<Value, Error> {
    let audit = ledger.audit_with(Some(exchange)).await?;
    for finding in &audit.findings {
        tracing::error!(account_id = %finding.account, entries = ?finding.tally, row = ?finding.row, "account is not explained by its entries");
    }
    for account in &audit.moving {
        tracing::warn!(account_id = %account, "account kept moving and is left to the next audit");
    }
    for (asset, books) in audit.assets.iter().filter(|(_, books)| !books.is_clean()) {
        tracing::error!(%asset, ?books, "wallets hold more or less than came into them");
    }
    let report = report(&audit);
    for (currency, books) in report["currencies"].as_object().into_iter().flatten() {
        let value = figure(&books["difference"]);
        telemetry::metric(namespace, clock.now(), "LedgerDifference", "None", &value, &[("currency", currency)]);
    }
    for (asset, books) in report["assets"].as_object().into_iter().flatten() {
        let value = figure(&books["difference"]);
        telemetry::metric(namespace, clock.now(), "ExchangeDifference", "None", &value, &[("asset", asset)]);
    }
    let unexplained = json!(audit.findings.len());
    telemetry::metric(namespace, clock.now(), "LedgerUnexplainedAccounts", "Count", &unexplained, &[]);
    telemetry::metric(namespace, clock.now(), "LedgerClean", "Count", &json!(u8::from(audit.is_clean())), &[]);
    tracing::info!(
        accounts = audit.accounts,
        transfers = audit.transfers,
        wallets = audit.wallets,
        clean = audit.is_clean(),
        "ledger audited"
    );
    Ok(report)
}

/// A difference as a metric, which is a float by nature; the exact one stands in the report beside it.
fn figure(difference: &Value) -> Value {
    let difference = difference.as_str().and_then(|text| text.parse::<f64>().ok()).map(f64::abs);
    difference.map_or(Value::Null, |difference| json!(difference))
}

/// The outcome as JSON: amounts as decimal strings. The difference of an asset in motion is `null`.
fn report(audit: &Audit) -> Value {
    let currencies: Map<String, Value> = audit
        .currencies
        .iter()
        .map(|(currency, books)| {
            let system: Map<String, Value> = books
                .system
                .iter()
                .map(|(account, sum)| (account.as_str().to_owned(), json!(sum.to_string())))
                .collect();
            let difference = audit.difference(*currency).map(|money: Money| money.to_string());
            let books = json!({
                "difference": difference,
                "accounts": books.accounts.to_string(),
                "wallets": books.wallets.to_string(),
                "system": system,
            });
            (currency.code().to_owned(), books)
        })
        .collect();
    let assets: Map<String, Value> = audit
        .assets
        .iter()
        .map(|(asset, books)| {
            let difference = books.difference().filter(|_| !books.moving).map(|sum| sum.normalize().to_string());
            let [wallets, from_bank, fees, granted] =
                [books.wallets, books.from_bank, books.fees, books.granted].map(|sum| sum.normalize().to_string());
            let books = json!({
                "difference": difference,
                "wallets": wallets,
                "from_bank": from_bank,
                "fees": fees,
                "granted": granted,
                "moving": books.moving,
            });
            (asset.to_string(), books)
        })
        .collect();
    json!({
        "clean": audit.is_clean(),
        "accounts": audit.accounts,
        "transfers": audit.transfers,
        "moving": audit.moving.iter().map(|account| account.as_str()).collect::<Vec<_>>(),
        "unexplained": audit.findings.iter().map(|finding| finding.account.as_str()).collect::<Vec<_>>(),
        "currencies": currencies,
        "wallets": audit.wallets,
        "assets": assets,
    })
}
