//! Customers: who they are, how they are reached, which papers prove it, and what their state allows.
//!
//! Every type here is made by `parse` and prints masked: a name, an address or a number never reaches a log by
//! accident. Nothing here knows the user pool or the table.

use std::{collections::BTreeMap, fmt};

use time::{Date, Month};

use crate::{Timestamp, id::CustomerId};

/// Most documents one customer may have; keeps every change of a customer inside one transaction.
pub const MAX_DOCUMENTS: usize = 20;

macro_rules! masked_text {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The text itself, for those who may see it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(***)"))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
    )*};
}

masked_text! {
    /// An e-mail address in lower case, at most 150 characters.
    EmailAddress;
    /// A phone number in E.164: `+`, country code, up to 15 digits.
    PhoneNumber;
    /// A given or family name: 1 to 100 characters, trimmed, no control characters.
    PersonName;
    /// The number of a document: 1 to 20 letters and digits, upper case, so that case never makes two of one.
    DocumentNumber;
}

impl EmailAddress {
    /// Longest address, the limit the source systems had.
    pub const MAX: usize = 150;
    /// What [`EmailAddress::parse`] takes, in words.
    pub const EXPECTED: &'static str = "must be an e-mail address of at most 150 characters";

    /// Reads an address; blanks around it are cut. `None` if mail could not be sent there: one `@`, a local part of
    /// at most 64 characters without stray dots, a domain of at least two labels.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.len() > Self::MAX {
            return None;
        }
        let (local, domain) = text.split_once('@')?;
        let local_fits = (1..=64).contains(&local.len())
            && local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atom_byte));
        let labels: Vec<&str> = domain.split('.').collect();
        let domain_fits = labels.len() >= 2
            && labels.iter().all(|label| is_label(label))
            && labels.last().is_some_and(|last| last.len() >= 2 && !last.bytes().all(|byte| byte.is_ascii_digit()));
        (local_fits && domain_fits).then(|| Self(text.to_ascii_lowercase()))
    }

    /// The part before the `@`.
    fn local_part(&self) -> &str {
        self.0.split('@').next().unwrap_or_default()
    }
}

/// RFC 5322 `atext`.
fn is_atom_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

/// RFC 1123.
fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

impl PhoneNumber {
    /// What [`PhoneNumber::parse`] takes, in words.
    pub const EXPECTED: &'static str = "must be a phone number in E.164, such as \"+51987654321\"";

    /// Reads a number in E.164 (ITU-T): `+`, no leading zero, 7 to 15 digits, nothing between them.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('+')?;
        let fits = (7..=15).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        fits.then(|| Self(text.to_owned()))
    }
}

impl PersonName {
    /// What [`PersonName::parse`] takes, in words.
    pub const EXPECTED: &'static str = "must be 1 to 100 characters without control characters";

    /// Reads a name; blanks around it are cut.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let fits = (1..=100).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        fits.then(|| Self(text.to_owned()))
    }

    /// What somebody else may see to make sure he has the right person: the first letter of each word.
    pub fn masked(&self) -> String {
        self.0
            .split_whitespace()
            .map(|word| {
                let mut letters = word.chars();
                let first: String = letters.next().into_iter().collect();
                first + &"*".repeat(letters.count())
            })
            .collect::<Vec<_>>()
            .join(" ")
    }
}

impl DocumentNumber {
    /// What [`DocumentNumber::parse`] takes, in words.
    pub const EXPECTED: &'static str = "must be 1 to 20 letters and digits";

    /// Reads a number; blanks around it are cut.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let fits = (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        fits.then(|| Self(text.to_ascii_uppercase()))
    }
}

/// What kind of paper a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// National identity card.
    Dni,
    /// Passport.
    Passport,
    /// Tax register of companies and the self-employed.
    Ruc,
    /// Identity card of a foreign resident.
    ForeignerCard,
}

impl DocumentKind {
    const ALL: [Self; 4] = [Self::Dni, Self::Passport, Self::Ruc, Self::ForeignerCard];
    /// What [`DocumentKind::parse`] takes, in words.
    pub const EXPECTED: &'static str = "must be one of dni, passport, ruc, foreigner_card";

    /// As stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dni => "dni",
            Self::Passport => "passport",
            Self::Ruc => "ruc",
            Self::ForeignerCard => "foreigner_card",
        }
    }

    /// Reads what [`DocumentKind::as_str`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A day of the calendar, without time or zone. Its text (`2026-02-28`) sorts as days do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CalendarDate(Date);

impl CalendarDate {
    /// What [`CalendarDate::parse`] takes, in words.
    pub const EXPECTED: &'static str = "must be a day of the calendar, such as \"2026-02-28\"";

    /// Reads `YYYY-MM-DD`; `None` if there is no such day.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let digits = |range: std::ops::Range<usize>| {
            let part = text.get(range)?;
            part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse::<u16>().ok())?
        };
        if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
            return None;
        }
        let month = Month::try_from(u8::try_from(digits(5..7)?).ok()?).ok()?;
        let day = u8::try_from(digits(8..10)?).ok()?;
        Date::from_calendar_date(i32::from(digits(0..4)?), month, day).ok().map(Self)
    }
}

impl fmt::Display for CalendarDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.0.year(), u8::from(self.0.month()), self.0.day())
    }
}

impl serde::Serialize for CalendarDate {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A document would have expired before it was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpiresBeforeIssued;

/// A paper that proves who somebody is. Its number is unique in the bank, whatever its kind.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Document {
    /// What kind of paper.
    #[serde(rename = "type")]
    pub kind: DocumentKind,
    /// Its number.
    pub number: DocumentNumber,
    /// When it was issued.
    pub issued_on: Option<CalendarDate>,
    /// The last day it is valid.
    pub expires_on: Option<CalendarDate>,
}

impl Document {
    /// A document; both days may be unknown, but it cannot expire before it is issued.
    pub fn new(
        kind: DocumentKind,
        number: DocumentNumber,
        issued_on: Option<CalendarDate>,
        expires_on: Option<CalendarDate>,
    ) -> Result<Self, ExpiresBeforeIssued> {
        match (issued_on, expires_on) {
            (Some(issued), Some(expires)) if expires < issued => Err(ExpiresBeforeIssued),
            _ => Ok(Self { kind, number, issued_on, expires_on }),
        }
    }
}

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
    use proptest::prelude::*;

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
    fn addresses_that_mail_can_reach_are_taken_in_lower_case() {
        for (text, expected) in [
            ("a@b.co", "a@b.co"),
            (" Ana.Maria+bank@Mail.Example.COM ", "ana.maria+bank@mail.example.com"),
            ("o'neil@example.ie", "o'neil@example.ie"),
            ("x@xn--exmple-cua.com", "x@xn--exmple-cua.com"),
        ] {
            assert_eq!(EmailAddress::parse(text).map(|email| email.0).as_deref(), Some(expected), "{text}");
        }
        let long = format!("{}@example.com", "a".repeat(65));
        let longer = format!("a@{}.com", ["abcdefghij"; 15].join("."));
        for text in [
            "",
            "@",
            "a@",
            "@b.co",
            "a@b",
            "a@b.c",
            "a b@c.de",
            "a@b@c.de",
            ".a@b.co",
            "a.@b.co",
            "a..b@c.de",
            "a@-b.co",
            "a@b-.co",
            "a@b..co",
            "a@.co",
            "a@b.co.",
            "a@1.2.3.44",
            "ä@b.co",
            "a\n@b.co",
            "a@b.co\0",
            "<a@b.co>",
            &long,
            &longer,
        ] {
            assert_eq!(EmailAddress::parse(text), None, "{text}");
        }
    }

    #[test]
    fn phones_are_e164() {
        for text in ["+51987654321", "+4915112345678", "+1234567", "+123456789012345"] {
            assert!(PhoneNumber::parse(text).is_some(), "{text}");
        }
        for text in
            ["", "+", "51987654321", "+051987654", "+123456", "+1234567890123456", "+51 987 654 321", "+5198765432a"]
        {
            assert_eq!(PhoneNumber::parse(text), None, "{text}");
        }
    }

    #[test]
    fn names_are_trimmed_and_hold_no_control_characters() {
        assert_eq!(PersonName::parse("  María José ").map(|name| name.0).as_deref(), Some("María José"));
        assert!(PersonName::parse(&"é".repeat(100)).is_some());
        for text in ["", "   ", "a\nb", "a\u{7f}", &"é".repeat(101)] {
            assert_eq!(PersonName::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_masked_name_shows_first_letters() {
        assert_eq!(PersonName::parse("María José").map(|name| name.masked()).as_deref(), Some("M**** J***"));
    }

    #[test]
    fn document_numbers_are_letters_and_digits_without_case() {
        assert_eq!(DocumentNumber::parse(" ab12 "), DocumentNumber::parse("AB12"));
        for text in ["", " ", "12-34", "1 2", "é1", &"1".repeat(21)] {
            assert_eq!(DocumentNumber::parse(text), None, "{text}");
        }
    }

    #[test]
    fn days_are_real() {
        for text in ["2024-02-29", "2026-12-31", "0001-01-01"] {
            assert_eq!(CalendarDate::parse(text).map(|day| day.to_string()).as_deref(), Some(text));
        }
        for text in [
            "2026-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-1-01",
            "2026-01-32",
            "20260101",
            "2026-01-01T00",
            "+026-01-01",
            "2026-é-1",
            "",
        ] {
            assert_eq!(CalendarDate::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_document_cannot_expire_before_it_is_issued() {
        let number = || DocumentNumber::parse("1").expect("a number");
        let day = CalendarDate::parse;
        for (issued, expires, fits) in [
            (None, None, true),
            (day("2026-01-02"), None, true),
            (None, day("2020-01-01"), true),
            (day("2026-01-02"), day("2026-01-02"), true),
            (day("2026-01-02"), day("2026-01-01"), false),
        ] {
            assert_eq!(
                Document::new(DocumentKind::Ruc, number(), issued, expires).is_ok(),
                fits,
                "{issued:?} {expires:?}"
            );
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
            Registration::from_attributes(&map)
                .map(|made| (made.given_name.0, made.family_name.0, made.phone.map(|phone| phone.0)))
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

    proptest! {
        #[test]
        fn parsers_never_panic_and_read_back_what_they_made(text in "\\PC{0,40}") {
            if let Some(email) = EmailAddress::parse(&text) {
                prop_assert_eq!(EmailAddress::parse(email.as_str()), Some(email));
            }
            if let Some(name) = PersonName::parse(&text) {
                prop_assert_eq!(PersonName::parse(name.as_str()), Some(name));
            }
            if let Some(number) = DocumentNumber::parse(&text) {
                prop_assert_eq!(DocumentNumber::parse(number.as_str()), Some(number));
            }
            let _ = (PhoneNumber::parse(&text), CalendarDate::parse(&text));
        }
    }
}
