//! One customer, or the list of all for staff.

use aws::customers::{Claim, Customers, Filter, is_place};
use domain::{
    customer::{Customer, CustomerStatus, DocumentNumber, EmailAddress},
    id::CustomerId,
};
use edge::http::{Answer, Page, Problem, Request, ok};

use crate::{access, problem};

/// Longest text searched for.
const LONGEST_SEARCH: usize = 100;

/// `GET /customers/{id}`
pub(crate) async fn one(customers: &Customers, request: &Request) -> Result<Answer, Problem> {
    let id = access::served(&request.person()?, request)?;
    let customer = access::load(customers, &id).await?;
    Ok(ok(&customer)?.etag(customer.version))
}

/// `GET /customers`: by address or document exactly, else newest first, by state and by part of a name, address,
/// phone or document number. All filters given must fit.
pub(crate) async fn list(customers: &Customers, request: &Request) -> Result<Answer, Problem> {
    request.staff()?;
    request.only_query(&["email", "document", "status", "q", "limit", "cursor"])?;
    let email = request.query_as("email", "an e-mail address", EmailAddress::parse)?.map(Claim::Email);
    let document = request.query_as("document", "1 to 20 letters and digits", DocumentNumber::parse)?;
    let filter = Filter {
        status: request.query_as("status", "one of active, inactive, blocked", CustomerStatus::parse)?,
        contains: request.query_as("q", "1 to 100 characters without control characters", search_text)?,
    };
    let scope = scope(request);
    let page = request.page(&scope)?.checked(is_place)?;

    let claims: Vec<Claim> = email.into_iter().chain(document.map(Claim::Document)).collect();
    if !claims.is_empty() {
        let found = exactly(customers, &claims).await?.filter(|customer| filter.fits(customer));
        let rest = if page.after.is_none() { found } else { None };
        return ok(&Page::new(rest.into_iter().collect(), None, &scope));
    }
    let (found, next) = customers.list(&filter, page.limit, page.after.as_deref()).await.map_err(problem::store)?;
    ok(&Page::new(found, next.as_deref(), &scope))
}

/// The one customer who has all of these, if there is one.
async fn exactly(customers: &Customers, claims: &[Claim]) -> Result<Option<Customer>, Problem> {
    let holders = futures::future::try_join_all(claims.iter().map(|claim| customers.holder(claim)));
    let holders: Option<Vec<CustomerId>> = holders.await.map_err(problem::store)?.into_iter().collect();
    match holders.as_deref() {
        Some([first, rest @ ..]) if rest.iter().all(|other| other == first) => {
            customers.customer(first).await.map_err(problem::store)
        }
        _ => Ok(None),
    }
}

fn search_text(text: &str) -> Option<String> {
    let text = text.trim().to_lowercase();
    ((1..=LONGEST_SEARCH).contains(&text.chars().count()) && !text.chars().any(char::is_control)).then_some(text)
}

fn scope(request: &Request) -> String {
    let filters = ["email", "document", "status", "q"].map(|name| request.query(name).unwrap_or_default());
    format!("customers {}", filters.join("\n"))
}
