//! Recomputes the ledger from its rows and publishes what is wrong as metrics: per currency the difference from zero,
//! over all the number of accounts that their entries do not explain. Alarms stand on both.

use aws::ledger::Ledger;
use domain::{Money, audit::Audit};
use edge::{clock::Clock, telemetry};
use lambda_runtime::Error;
use serde_json::{Map, Value, json};

/// One run. Answers what it publishes, per currency.
pub async fn audit(ledger: &Ledger, clock: &impl Clock, namespace: &str) -> Result<Value, Error> {
    let audit = ledger.audit().await?;
    for finding in &audit.findings {
        tracing::error!(account_id = %finding.account, entries = ?finding.tally, row = ?finding.row, "account is not explained by its entries");
    }
    for account in &audit.moving {
        tracing::warn!(account_id = %account, "account kept moving and is left to the next audit");
    }
    let report = report(&audit);
    for (currency, books) in report["currencies"].as_object().into_iter().flatten() {
        // A metric is a float by nature; the exact difference stands in the report beside it.
        let difference = books["difference"].as_str().and_then(|text| text.parse::<f64>().ok()).map(f64::abs);
        let value = difference.map_or(Value::Null, |difference| json!(difference));
        telemetry::metric(namespace, clock.now(), "LedgerDifference", "None", &value, &[("currency", currency)]);
    }
    let unexplained = json!(audit.findings.len());
    telemetry::metric(namespace, clock.now(), "LedgerUnexplainedAccounts", "Count", &unexplained, &[]);
    telemetry::metric(namespace, clock.now(), "LedgerClean", "Count", &json!(u8::from(audit.is_clean())), &[]);
    tracing::info!(accounts = audit.accounts, transfers = audit.transfers, clean = audit.is_clean(), "ledger audited");
    Ok(report)
}

/// The outcome as JSON: amounts as decimal strings.
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
            let books = json!({"difference": difference, "accounts": books.accounts.to_string(), "system": system});
            (currency.code().to_owned(), books)
        })
        .collect();
    json!({
        "clean": audit.is_clean(),
        "accounts": audit.accounts,
        "transfers": audit.transfers,
        "moving": audit.moving.iter().map(|account| account.as_str()).collect::<Vec<_>>(),
        "unexplained": audit.findings.iter().map(|finding| finding.account.as_str()).collect::<Vec<_>>(),
        "currencies": currencies,
    })
}
