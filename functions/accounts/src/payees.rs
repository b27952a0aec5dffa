//! GET /payees: who would receive, confirmed before money moves.
//!
//! Tells just enough to notice a mistake: the name is masked, and nothing says whether it was the number or the
//! account behind it that is missing.

use aws::{
    customers::{Claim, Customers},
    ledger::Ledger,
};
use domain::{
    account::{Account, AccountStatus},
    customer::PhoneNumber,
    number::AccountNumber,
};
use edge::http::{Answer, Code, Problem, Request, ok};
use serde::Serialize;

use crate::{answers::failed, find::NUMBER_EXPECTED};

#[derive(Debug, Serialize)]
struct View<'a> {
    name: String,
    account_number: &'a str,
    currency: &'static str,
}

pub(crate) async fn find(ledger: &Ledger, customers: &Customers, request: &Request) -> Result<Answer, Problem> {
    request.person()?;
    request.only_query(&["number", "phone"])?;
    let number = request.query_as("number", NUMBER_EXPECTED, AccountNumber::parse)?;
    let phone = request.query_as("phone", "a phone number in E.164, such as \"+51987654321\"", phone)?;
    let account = match (number, phone) {
        (Some(number), None) => behind_number(ledger, &number).await?,
        (None, Some(phone)) => behind_phone(ledger, customers, phone).await?,
        _ => return Err(Problem::field(Code::InvalidParameter, "number", "either number or phone must be given")),
    };
    let account = account.filter(|account| account.status == AccountStatus::Active);
    let account = account.ok_or_else(Problem::not_found)?;
    let owner = customers.customer(&account.owner).await.map_err(failed)?.ok_or_else(Problem::not_found)?;
    ok(&View {
        name: masked(owner.given_name.as_str(), owner.family_name.as_str()),
        account_number: account.number.as_str(),
        currency: account.currency.code(),
    })
}

/// A `+` that was not escaped arrives as a blank.
fn phone(text: &str) -> Option<PhoneNumber> {
    match text.strip_prefix(' ') {
        Some(digits) => PhoneNumber::parse(&format!("+{digits}")),
        None => PhoneNumber::parse(text),
    }
}

async fn behind_number(ledger: &Ledger, number: &AccountNumber) -> Result<Option<Account>, Problem> {
    match ledger.account_by_number(number).await.map_err(failed)? {
        Some(id) => ledger.account(&id).await.map_err(failed),
        None => Ok(None),
    }
}

/// The oldest active account of the customer with this phone.
async fn behind_phone(ledger: &Ledger, customers: &Customers, phone: PhoneNumber) -> Result<Option<Account>, Problem> {
    let Some(owner) = customers.holder(&Claim::Phone(phone)).await.map_err(failed)? else { return Ok(None) };
    let newest_first = ledger.accounts_of(&owner).await.map_err(failed)?;
    Ok(newest_first.into_iter().rev().find(|account| account.status == AccountStatus::Active))
}

/// The first given name and the initial of the family name: `Ana P•••`, whatever the length of either. What does not
/// look like a name (an address that stands in for one) is cut to its initial as well.
fn masked(given: &str, family: &str) -> String {
    let first = given.split_whitespace().next().unwrap_or_default();
    let is_name = first.chars().all(|letter| letter.is_alphabetic() || matches!(letter, '-' | '\'' | '’'));
    let given = if is_name { Some(first.to_owned()) } else { initial(first) };
    given.into_iter().chain(initial(family)).collect::<Vec<_>>().join(" ")
}

fn initial(name: &str) -> Option<String> {
    name.chars().next().filter(|letter| letter.is_alphabetic()).map(|letter| format!("{letter}•••"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_name_is_recognised_by_who_knows_it_and_tells_others_little() {
        for (given, family, expected) in [
            ("Ana", "Pérez", "Ana P•••"),
            ("Ana María", "Pérez Quispe", "Ana P•••"),
            ("Jean-Luc", "Ö", "Jean-Luc Ö•••"),
            ("Ana", "-", "Ana"),
            ("ana.perez+bank", "-", "a•••"),
            ("4711", "-", ""),
            ("Nguyễn", "Văn A", "Nguyễn V•••"),
        ] {
            assert_eq!(masked(given, family), expected, "{given} {family}");
        }
    }

    #[test]
    fn a_plus_that_was_not_escaped_is_understood() {
        for (text, fits) in [("+51987654321", true), (" 51987654321", true), ("51987654321", false), ("  51", false)] {
            assert_eq!(phone(text).is_some(), fits, "{text:?}");
        }
    }
}
