//! Customers: who they are, how they are reached, which papers prove it, and what their state allows.
//!
//! Every type here is made by `parse` and prints masked: a name, an address or a number never reaches a log by
//! accident. Nothing here knows the user pool or the table.

mod document;
mod fields;

use std::collections::BTreeMap;

pub use document::{CalendarDate, Document, DocumentKind, ExpiresBeforeIssued};
pub use fields::{DocumentNumber, EmailAddress, PersonName, PhoneNumber};

use crate::{Timestamp, id::CustomerId};

/// Most documents one customer may have; keeps every change of a customer inside one transaction.
pub const MAX_DOCUMENTS: usize = 20;

/// Whether a customer may act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CustomerStatus {
    /// May do everything a customer does.
    Active,
    /// Signs in and reads, opens nothing new.
    Inactive,
    /// Cannot sign in.
    Blocked,
}

impl CustomerStatus {
    /// What [`CustomerStatus::parse`] takes, in words.
    pub const EXPECTED: &'static str = "must be one of active, inactive, blocked";

    /// As stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Blocked => "blocked",
        }
    }

    /// Reads what [`CustomerStatus::as_str`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Active, Self::Inactive, Self::Blocked].into_iter().find(|status| status.as_str() == text)
    }
}

/// A customer as stored and shown.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Customer {
    /// Tells the user-pool subject.
    #[serde(rename = "customer_id")]
    pub id: CustomerId,
    /// First names.
    pub given_name: PersonName,
    /// Last names.
    pub family_name: PersonName,
    /// Unique in the bank; what the customer signs in with.
    pub email: EmailAddress,
    /// Unique in the bank; the other way to sign in.
    pub phone: Option<PhoneNumber>,
    /// Whether the customer may act.
    pub status: CustomerStatus,
    /// At most [`MAX_DOCUMENTS`], in the order of their numbers.
    pub documents: Vec<Document>,
    /// When the customer came to the bank.
    pub created_at: Timestamp,
    /// Counts every change; the `ETag`.
    pub version: u64,
}

/// What a person tells about himself when he becomes a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// First names.
    pub given_name: PersonName,
    /// Last names.
    pub family_name: PersonName,
    /// Where he is reached and what he signs in with.
    pub email: EmailAddress,
    /// Where else he is reached.
    pub phone: Option<PhoneNumber>,
    /// A first document.
    pub document: Option<Document>,
}

impl Registration {
    /// What the user pool knows about a user, when that is all there is: a sign-up that broke off half-way, or a
    /// first sign-in through Google, Facebook or GitHub. Providers that keep one name have it split at the first
    /// blank; without any, the address stands in until the customer corrects it. `None` without a usable address.
    pub fn from_attributes(attributes: &BTreeMap<String, String>) -> Option<Self> {
        let attribute = |name: &str| attributes.get(name).map(String::as_str).unwrap_or_default();
        let email = EmailAddress::parse(attribute("email"))?;
        let (first, rest) = attribute("name").trim().split_once(' ').unwrap_or((attribute("name"), ""));
        let one_of = |texts: [&str; 3]| texts.into_iter().find_map(PersonName::parse);
        Some(Self {
            given_name: one_of([attribute("given_name"), first, email.local_part()])?,
            family_name: one_of([attribute("family_name"), rest, "-"])?,
            phone: PhoneNumber::parse(attribute("phone_number")),
            document: None,
            email,
        })
    }
}

/// What a replacement (PUT) sets; documents stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// First names.
    pub given_name: PersonName,
    /// Last names.
    pub family_name: PersonName,
    /// The address.
    pub email: EmailAddress,
    /// The phone; `None` takes it away.
    pub phone: Option<PhoneNumber>,
    /// The state; `None` leaves it, so that a client that does not know states never lifts a block.
    pub status: Option<CustomerStatus>,
}

/// Why a change of a customer is turned down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeRejection {
    /// Address and state are for staff to change.
    StaffOnly,
    /// The customer has this document already.
    DocumentPresent,
    /// There are [`MAX_DOCUMENTS`] already.
    TooManyDocuments,
}

impl Customer {
    /// A new customer, active from the start.
    pub fn register(id: CustomerId, registration: Registration, now: Timestamp) -> Self {
        let Registration { given_name, family_name, email, phone, document } = registration;
        Self {
            id,
            given_name,
            family_name,
            email,
            phone,
            status: CustomerStatus::Active,
            documents: document.into_iter().collect(),
            created_at: now,
            version: 1,
        }
    }

    /// Whether the customer may act.
    pub fn is_active(&self) -> bool {
        self.status == CustomerStatus::Active
    }

    /// The customer after a replacement. A customer changes his own names and phone; the address he signs in with
    /// and his state only staff changes.
    pub fn replaced(&self, replacement: &Replacement, by_staff: bool) -> Result<Self, ChangeRejection> {
        let status = replacement.status.unwrap_or(self.status);
        if !by_staff && (replacement.email != self.email || status != self.status) {
            return Err(ChangeRejection::StaffOnly);
        }
        Ok(Self {
            given_name: replacement.given_name.clone(),
            family_name: replacement.family_name.clone(),
            email: replacement.email.clone(),
            phone: replacement.phone.clone(),
            status,
            version: self.version + 1,
            ..self.clone()
        })
    }

    /// The customer with another state.
    pub fn with_status(&self, status: CustomerStatus) -> Self {
        Self { status, version: self.version + 1, ..self.clone() }
    }

    /// The customer with one document more.
    pub fn with_document(&self, document: Document) -> Result<Self, ChangeRejection> {
        if self.documents.iter().any(|own| own.number == document.number) {
            return Err(ChangeRejection::DocumentPresent);
        }
        if self.documents.len() >= MAX_DOCUMENTS {
            return Err(ChangeRejection::TooManyDocuments);
        }
        let mut after = Self { version: self.version + 1, ..self.clone() };
        after.documents.push(document);
        after.documents.sort_by(|a, b| a.number.cmp(&b.number));
        Ok(after)
    }

    /// Everything a search by part of a name, address, phone or document number looks at, in lower case. Lines keep
    /// the parts apart, so that the end of one and the start of the next never match together.
    pub fn search_text(&self) -> String {
        let mut text = format!("{} {}", self.given_name.as_str(), self.family_name.as_str());
        for part in [Some(self.email.as_str()), self.phone.as_ref().map(PhoneNumber::as_str)].into_iter().flatten() {
            text = text + "\n" + part;
        }
        for document in &self.documents {
            text = text + "\n" + document.number.as_str();
        }
        text.to_lowercase()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registration() -> Registration {
        Registration {
            given_name: PersonName::parse("Ana").expect("a name"),
            family_name: PersonName::parse("Pérez").expect("a name"),
            email: EmailAddress::parse("Ana@Example.com").expect("an address"),
            phone: PhoneNumber::parse("+51987654321"),
            document: None,
        }
    }

    fn ana() -> Customer {
        let id = CustomerId::parse("cus_1").expect("an id");
        Customer::register(id, registration(), Timestamp::from_millis(5))
    }

    fn document(number: &str) -> Document {
        let number = DocumentNumber::parse(number).expect("a number");
        Document::new(DocumentKind::Dni, number, None, None).expect("a document")
    }

    fn replacement(of: &Customer) -> Replacement {
        Replacement {
            given_name: of.given_name.clone(),
            family_name: of.family_name.clone(),
            email: of.email.clone(),
            phone: of.phone.clone(),
            status: None,
        }
    }

    #[test]
    fn a_customer_changes_names_and_phone_and_staff_the_rest() {
        let ana = ana();
        let same = replacement(&ana);
        let names = Replacement { given_name: PersonName::parse("Anna").expect("a name"), phone: None, ..same.clone() };
        let email = Replacement { email: EmailAddress::parse("b@example.com").expect("an address"), ..same.clone() };
        let unchanged = Replacement { status: Some(CustomerStatus::Active), ..same.clone() };
        let status = Replacement { status: Some(CustomerStatus::Blocked), ..same };
        for (change, allowed) in [(&names, true), (&unchanged, true), (&email, false), (&status, false)] {
            assert_eq!(ana.replaced(change, false).is_ok(), allowed, "{change:?}");
            let after = ana.replaced(change, true).expect("staff may");
            assert_eq!(after.version, ana.version + 1);
        }
        assert_eq!(ana.replaced(&names, false).map(|after| after.phone), Ok(None));
    }

    #[test]
    fn a_replacement_without_a_state_never_lifts_a_block() {
        let blocked = ana().with_status(CustomerStatus::Blocked);
        let after = blocked.replaced(&replacement(&blocked), true);
        assert_eq!(after.map(|after| after.status), Ok(CustomerStatus::Blocked));
    }

    #[test]
    fn documents_are_few_and_different() {
        let mut customer = ana();
        for number in 0..MAX_DOCUMENTS {
            customer = customer.with_document(document(&format!("{}", 100 - number))).expect("one more");
        }
        assert_eq!(customer.with_document(document("100")), Err(ChangeRejection::DocumentPresent));
        assert_eq!(customer.with_document(document("7")), Err(ChangeRejection::TooManyDocuments));
        assert!(customer.documents.is_sorted_by(|a, b| a.number < b.number));
    }

    #[test]
    fn the_search_text_has_every_part_in_lower_case() {
        let customer = ana().with_document(document("AB12")).expect("a document");
        assert_eq!(customer.search_text(), "ana pérez\nana@example.com\n+51987654321\nab12");
    }

    #[test]
    fn attributes_of_a_provider_make_a_registration_as_far_as_they_go() {
        let of = |pairs: &[(&str, &str)]| {
            let map = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            Registration::from_attributes(&map).map(|made| {
                let phone = made.phone.map(|phone| phone.as_str().to_owned());
                (made.given_name.as_str().to_owned(), made.family_name.as_str().to_owned(), phone)
            })
        };
        let named = |given: &str, family: &str| Some((given.to_owned(), family.to_owned(), None));
        assert_eq!(of(&[("given_name", "Ana")]), None);
        assert_eq!(of(&[("email", "ana.p@example.com")]), named("ana.p", "-"));
        assert_eq!(of(&[("email", "a@b.co"), ("name", "Ana María Pérez")]), named("Ana", "María Pérez"));
        assert_eq!(of(&[("email", "a@b.co"), ("name", "Ana"), ("family_name", "P")]), named("Ana", "P"));
        assert_eq!(of(&[("email", "a@b.co"), ("phone_number", "123"), ("given_name", "\u{1}")]), named("a", "-"));
        let phone = of(&[("email", "a@b.co"), ("phone_number", "+51987654321")]).and_then(|made| made.2);
        assert_eq!(phone.as_deref(), Some("+51987654321"));
    }

    #[test]
    fn nothing_personal_is_printed() {
        let customer = ana().with_document(document("AB12")).expect("a document");
        let printed = format!("{customer:?}");
        for secret in ["Ana", "Pérez", "example", "987654", "AB12"] {
            assert!(!printed.contains(secret), "{printed}");
        }
    }
}
