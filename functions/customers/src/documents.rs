//! The papers that prove who a customer is. A number belongs to one customer.

use aws::customers::{Customers, Refusal, WriteError};
use edge::http::{Answer, DocumentField, Page, Problem, Request, created, ok};

use crate::{access, problem};

/// `GET /customers/{id}/documents`, in the order of their numbers.
pub(crate) async fn list(customers: &Customers, request: &Request) -> Result<Answer, Problem> {
    let caller = request.person()?;
    request.only_query(&["limit", "cursor"])?;
    let scope = format!("documents {}", request.path_text("id")?);
    let page = request.page(&scope)?;
    let id = access::served(&caller, request)?;
    let customer = access::load(customers, &id).await?;

    let after = page.after.as_deref();
    let mut rest = customer.documents.into_iter().filter(|document| {
        after.is_none_or(|after| document.number.as_str() > after) // documents are sorted by number
    });
    let items: Vec<_> = rest.by_ref().take(page.limit).collect();
    let last = items.last().map(|document| document.number.as_str().to_owned());
    let next = rest.next().and(last);
    ok(&Page::new(items, next.as_deref(), &scope))
}

/// `POST /customers/{id}/documents`
pub(crate) async fn add(customers: &Customers, request: &Request) -> Result<Answer, Problem> {
    let caller = request.person()?;
    let document = request.parse::<DocumentField>()?.document("")?;
    let id = access::served(&caller, request)?;
    for _ in 0..access::ATTEMPTS {
        let before = access::load(customers, &id).await?;
        access::check_active(&caller, &before)?;
        let after = before.with_document(document.clone()).map_err(problem::rejected)?;
        match customers.add_document(&before, &after, &document).await {
            Ok(()) => {
                tracing::info!(customer_id = %id, kind = document.kind.as_str(), "document added");
                return created(&document);
            }
            Err(WriteError::Refused(Refusal::Stale)) => {}
            Err(error) => return Err(problem::write(error)),
        }
    }
    Err(Problem::unavailable())
}
