//! Where the bank is: a running Florin on this machine, anything else that speaks DynamoDB, or a stack on AWS. Its tables
//! are those of the template.

use std::{fmt, time::Instant};

use ::seed::write::Stores;
use anyhow::{Context, Result, anyhow, ensure};
use aws::{client::Environment, customers::Customers, exchange::Exchange, ledger::Ledger};
use local_template::Options;
use serde_json::{Value, json};

use crate::{Workspace, client::Client};

/// Where `cargo local` has its AWS services.
const LOCAL: &str = "http://localhost:4566";

/// A bank, found.
pub struct Place {
    url: Option<String>,
    stack: String,
    audit: String,
    client: aws_sdk_dynamodb::Client,
    tables: [String; 3],
}

impl Place {
    /// Finds the tables of the template at this address, or those of the stack on AWS.
    pub async fn find(workspace: &Workspace, url: Option<&str>, stack: Option<&str>) -> Result<Self> {
        let url = url.or(if stack.is_none() { Some(LOCAL) } else { None });
        let mut options = Options::local(url.unwrap_or(LOCAL));
        if let Some(stack) = stack {
            stack.clone_into(&mut options.stack_name);
        }
        let template = local_template::load(&workspace.path("template.yaml"), &options)?;
        let environment = match url {
            Some(url) => Environment::at(url, &template.region),
            None => Environment::read(),
        };
        let client = environment.map_err(|reason| anyhow!(reason))?.dynamodb();
        let there = tables(&client).await.with_context(|| {
            format!("no tables at {}; is it running?", url.unwrap_or("AWS, with the credentials of the environment"))
        })?;
        let find = |logical_id: &str| {
            let table = template.tables().iter().find(|table| table.logical_id == logical_id);
            let name = &table.with_context(|| format!("the template has no {logical_id}"))?.name;
            named(&there, name, &format!("{}-{logical_id}-", options.stack_name))
        };
        let tables = [find("CustomersTable")?, find("LedgerTable")?, find("ExchangeTable")?];
        let function = template.functions().iter().find(|function| function.folder == "ledger-audit");
        let audit = function.context("the template has no ledger-audit")?.name.clone();
        Ok(Self { url: url.map(str::to_owned), stack: options.stack_name, audit, client, tables })
    }

    /// Its tables.
    pub fn stores(&self) -> Stores {
        let [customers, ledger, _] = self.tables.clone();
        Stores {
            ledger: Ledger::new(self.client.clone(), ledger),
            customers: Customers::new(self.client.clone(), customers.clone()),
            customers_table: customers,
        }
    }

    /// Audits the ledger: by the bank's own function where it can be called, else by what that function does.
    /// Prints what it says; an error unless the books are right.
    pub async fn audit(&self) -> Result<()> {
        let started = Instant::now();
        let (says, by) = match self.invoke_audit().await? {
            Some(report) => (report, "ledger-audit"),
            None => (self.audit_here().await?, "the audit"),
        };
        for (currency, books) in says["currencies"].as_object().into_iter().flatten() {
            println!("  {currency}: accounts {}, off by {}", text(&books["accounts"]), text(&books["difference"]));
        }
        let (accounts, transfers) = (&says["accounts"], &says["transfers"]);
        let took = started.elapsed().as_secs_f64();
        ensure!(says["clean"] == true, "{by} found differences in {accounts} accounts, {transfers} transfers: {says}");
        println!("{by}: {accounts} accounts, {transfers} transfers, clean ({took:.1} s)");
        Ok(())
    }

    /// `None` where there is no such function.
    async fn invoke_audit(&self) -> Result<Option<Value>> {
        let Some(url) = &self.url else { return Ok(None) };
        let path = format!("/2015-03-31/functions/{}/invocations", self.audit);
        let headers = [("authorization", "AWS4-HMAC-SHA256 Credential=local")];
        let answer = Client::connect(url, None).await?.post_with(&path, &headers, &json!({})).await?;
        Ok((answer.status == 200 && answer.body["clean"].is_boolean()).then_some(answer.body))
    }

    async fn audit_here(&self) -> Result<Value> {
        let [_, ledger, exchange] = self.tables.clone();
        let exchange = Exchange::new(self.client.clone(), exchange);
        let audit = Ledger::new(self.client.clone(), ledger).audit_with(Some(&exchange)).await;
        let audit = audit.map_err(|error| anyhow!("the audit: {error}"))?;
        let books = audit.currencies.iter().map(|(currency, books)| {
            let difference = audit.difference(*currency).map(|money| money.to_string());
            (currency.code().to_owned(), json!({"accounts": books.accounts.to_string(), "difference": difference}))
        });
        let currencies: serde_json::Map<_, _> = books.collect();
        let unexplained: Vec<_> = audit.findings.iter().map(|finding| finding.account.as_str()).collect();
        Ok(json!({"clean": audit.is_clean(), "accounts": audit.accounts, "transfers": audit.transfers,
            "unexplained": unexplained, "currencies": currencies}))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.stack, self.url.as_deref().unwrap_or("AWS"))
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("–")
}

async fn tables(client: &aws_sdk_dynamodb::Client) -> Result<Vec<String>> {
    let mut names = Vec::new();
    let mut pages = client.list_tables().into_paginator().items().send();
    while let Some(name) = pages.next().await {
        names.push(name?);
    }
    Ok(names)
}

/// The table of this name, or the one that CloudFormation has named: the prefix and something of its own.
fn named(there: &[String], name: &str, prefix: &str) -> Result<String> {
    if there.iter().any(|table| table == name) {
        return Ok(name.to_owned());
    }
    let mut made = there.iter().filter(|table| table.starts_with(prefix));
    match (made.next(), made.next()) {
        (Some(one), None) => Ok(one.clone()),
        (None, _) => Err(anyhow!("there is no table {name}, nor one that begins with {prefix}")),
        (Some(_), Some(_)) => Err(anyhow!("several tables begin with {prefix}: which is it?")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_found_by_its_name_or_by_the_one_that_cloudformation_made() {
        let there = ["florin-LedgerTable", "prod-LedgerTable-1ABC", "a-LedgerTable-1", "a-LedgerTable-2"];
        let there = there.map(str::to_owned);
        let find = |stack: &str| {
            named(&there, &format!("{stack}-LedgerTable"), &format!("{stack}-LedgerTable-")).map_err(|_| ())
        };
        assert_eq!(find("florin").as_deref(), Ok("florin-LedgerTable"));
        assert_eq!(find("prod").as_deref(), Ok("prod-LedgerTable-1ABC"));
        assert_eq!(find("a"), Err(()));
        assert_eq!(find("test"), Err(()));
    }
}
