//! Customers as rows, and back.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    customer::{
        CalendarDate, Customer, CustomerStatus, Document, DocumentKind, DocumentNumber, EmailAddress, PersonName,
        PhoneNumber,
    },
    id::CustomerId,
};

use super::Claim;
use crate::{
    item::{Item, Read, key, number, text},
    store::StoreError,
};

/// Sort key of a customer's own row.
pub(super) const CUSTOMER: &str = "customer";
/// Sort key of the rows that say whose something is.
pub(super) const UNIQUE: &str = "unique";
/// Whose it is.
pub(super) const CUSTOMER_ID: &str = "customer_id";
/// The index of all customers, newest first.
pub(super) const LISTED: &str = "listed";
/// The one partition of that index.
pub(super) const LIST_KEY: &str = "customers";
const DOCUMENT: &str = "document#";
/// The numbers of all documents, so that a list fetches them by key.
const DOCUMENT_NUMBERS: &str = "document_numbers";

/// Key of the row that says whose this is.
pub(super) fn unique_key(claim: &Claim) -> Item {
    let pk = match claim {
        Claim::Email(email) => format!("email#{}", email.as_str()),
        Claim::Phone(phone) => format!("phone#{}", phone.as_str()),
        Claim::Document(number) => format!("document#{}", number.as_str()),
    };
    key(pk, UNIQUE)
}

/// The row that says that this is the customer's.
pub(super) fn unique_row(claim: &Claim, id: &CustomerId) -> Item {
    let mut row = unique_key(claim);
    row.insert(CUSTOMER_ID.into(), text(id.as_str()));
    row
}

/// Key of a document.
pub(super) fn document_key(id: &CustomerId, number: &DocumentNumber) -> Item {
    key(id.as_str(), format!("{DOCUMENT}{}", number.as_str()))
}

/// Key of a customer.
pub(super) fn customer_key(id: &CustomerId) -> Item {
    key(id.as_str(), CUSTOMER)
}

/// Place in the list of all customers: by age, ties by id.
pub(super) fn list_sort(customer: &Customer) -> String {
    format!("{}#{}", customer.created_at, customer.id)
}

/// The row of a customer, without documents.
pub(super) fn customer_row(customer: &Customer) -> Item {
    let mut row = customer_key(&customer.id);
    row.extend([
        ("given_name".into(), text(customer.given_name.as_str())),
        ("family_name".into(), text(customer.family_name.as_str())),
        ("email".into(), text(customer.email.as_str())),
        ("status".into(), text(customer.status.as_str())),
        ("created_at".into(), text(customer.created_at.to_string())),
        ("version".into(), number(customer.version)),
        ("search".into(), text(customer.search_text())),
        ("list_key".into(), text(LIST_KEY)),
        ("list_sort".into(), text(list_sort(customer))),
    ]);
    if let Some(phone) = &customer.phone {
        row.insert("phone".into(), text(phone.as_str()));
    }
    let numbers = customer.documents.iter().map(|document| text(document.number.as_str())).collect();
    row.insert(DOCUMENT_NUMBERS.into(), AttributeValue::L(numbers));
    row
}

/// The row of a document.
pub(super) fn document_row(id: &CustomerId, document: &Document) -> Item {
    let mut row = document_key(id, &document.number);
    row.insert("type".into(), text(document.kind.as_str()));
    row.insert("number".into(), text(document.number.as_str()));
    for (name, day) in [("issued_on", document.issued_on), ("expires_on", document.expires_on)] {
        if let Some(day) = day {
            row.insert(name.into(), text(day.to_string()));
        }
    }
    row
}

/// A customer from all rows of the partition; `None` if there is no customer among them.
pub(super) fn customer_of(rows: &[Item]) -> Result<Option<Customer>, StoreError> {
    let Some(row) = rows.iter().find(|row| row.optional("sk") == Some(CUSTOMER)) else {
        return Ok(None);
    };
    let mut customer = customer(row)?;
    for row in rows.iter().filter(|row| row.optional("sk").is_some_and(|sk| sk.starts_with(DOCUMENT))) {
        customer.documents.push(document(row)?);
    }
    customer.documents.sort_by(|a, b| a.number.cmp(&b.number));
    Ok(Some(customer))
}

/// A customer from the own row, documents still missing.
pub(super) fn customer(row: &Item) -> Result<Customer, StoreError> {
    Ok(Customer {
        id: row.parsed("pk", CustomerId::parse)?,
        given_name: row.parsed("given_name", PersonName::parse)?,
        family_name: row.parsed("family_name", PersonName::parse)?,
        email: row.parsed("email", EmailAddress::parse)?,
        phone: row.parsed_optional("phone", PhoneNumber::parse)?,
        status: row.parsed("status", CustomerStatus::parse)?,
        documents: Vec::new(),
        created_at: row.moment("created_at")?,
        version: row.count("version")?,
    })
}

/// A document.
pub(super) fn document(row: &Item) -> Result<Document, StoreError> {
    Document::new(
        row.parsed("type", DocumentKind::parse)?,
        row.parsed("number", DocumentNumber::parse)?,
        row.parsed_optional("issued_on", CalendarDate::parse)?,
        row.parsed_optional("expires_on", CalendarDate::parse)?,
    )
    .map_err(|_| StoreError::corrupt("expires_on"))
}

/// The numbers of the documents that a customer's row names.
pub(super) fn document_numbers(row: &Item) -> Result<Vec<DocumentNumber>, StoreError> {
    let corrupt = || StoreError::corrupt(DOCUMENT_NUMBERS);
    let list = row.get(DOCUMENT_NUMBERS).and_then(|value| value.as_l().ok()).ok_or_else(corrupt)?;
    list.iter()
        .map(|value| value.as_s().ok().and_then(|text| DocumentNumber::parse(text)).ok_or_else(corrupt))
        .collect()
}

#[cfg(test)]
mod tests {
    use domain::{Timestamp, customer::Registration};

    use super::*;

    fn customer_with_everything() -> Customer {
        let day = CalendarDate::parse;
        let number = DocumentNumber::parse("ab1").expect("a number");
        let document = Document::new(DocumentKind::Passport, number, day("2020-01-01"), None).expect("a document");
        let registration = Registration {
            given_name: PersonName::parse("Ana").expect("a name"),
            family_name: PersonName::parse("Pérez").expect("a name"),
            email: EmailAddress::parse("ana@example.com").expect("an address"),
            phone: PhoneNumber::parse("+51987654321"),
            document: Some(document),
        };
        let id = CustomerId::parse("cus_1").expect("an id");
        Customer::register(id, registration, Timestamp::from_millis(1_763_719_200_000))
    }

    #[test]
    fn a_customer_reads_back_as_written() {
        let customer = customer_with_everything();
        let document = document_row(&customer.id, &customer.documents[0]);
        let rows = [document, customer_row(&customer)];
        assert_eq!(customer_of(&rows).expect("readable"), Some(customer.clone()));
        assert_eq!(document_numbers(&rows[1]).expect("readable"), vec![customer.documents[0].number.clone()]);
    }

    #[test]
    fn a_row_that_does_not_read_names_the_attribute() {
        let mut row = customer_row(&customer_with_everything());
        row.insert("status".into(), text("gone"));
        assert_eq!(customer(&row).expect_err("corrupt").to_string(), "corrupt: status");
    }

    #[test]
    fn rows_of_others_kinds_are_no_customer() {
        assert_eq!(customer_of(&[]).expect("readable"), None);
        assert_eq!(customer_of(&[key("cus_1", "document#1")]).expect("readable"), None);
    }
}
