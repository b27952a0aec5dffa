//! Who somebody is, as bodies carry it: the same fields at sign-up and when staff makes a customer.

use domain::customer::{
    CalendarDate, Document, DocumentKind, DocumentNumber, EmailAddress, PersonName, PhoneNumber, Registration,
};
use serde::Deserialize;

use super::{FieldErrors, Problem};

/// A document in a body.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DocumentField {
    #[serde(rename = "type")]
    kind: String,
    number: String,
    issued_on: Option<String>,
    expires_on: Option<String>,
}

impl DocumentField {
    /// The document it means; `pointer` is where it stands in the body (`""`, `/document`).
    pub fn document(&self, pointer: &str) -> Result<Document, Problem> {
        let mut errors = FieldErrors::new();
        let document = self.read(pointer, &mut errors);
        finished(errors, document)
    }

    fn read(&self, pointer: &str, errors: &mut FieldErrors) -> Option<Document> {
        let at = |field: &str| format!("{pointer}/{field}");
        let kind = errors.parse(&at("type"), &self.kind, DocumentKind::parse, DocumentKind::EXPECTED);
        let number = errors.parse(&at("number"), &self.number, DocumentNumber::parse, DocumentNumber::EXPECTED);
        let mut day = |field: &str, text: &Option<String>| {
            let text = text.as_deref()?;
            errors.parse(&at(field), text, CalendarDate::parse, CalendarDate::EXPECTED)
        };
        let (issued_on, expires_on) = (day("issued_on", &self.issued_on), day("expires_on", &self.expires_on));
        let document = Document::new(kind?, number?, issued_on, expires_on);
        errors.check(document.is_ok(), &at("expires_on"), "must not be before issued_on");
        document.ok()
    }
}

/// The fields of a person, read together so that a form can show every bad one at once.
#[derive(Debug)]
pub struct PersonFields<'a> {
    /// `/email`
    pub email: &'a str,
    /// `/given_name`
    pub given_name: &'a str,
    /// `/family_name`
    pub family_name: &'a str,
    /// `/phone`
    pub phone: Option<&'a str>,
    /// `/document`
    pub document: Option<&'a DocumentField>,
}

impl PersonFields<'_> {
    /// The person they mean.
    pub fn registration(&self) -> Result<Registration, Problem> {
        let mut errors = FieldErrors::new();
        let email = errors.parse("/email", self.email, EmailAddress::parse, EmailAddress::EXPECTED);
        let given_name = errors.parse("/given_name", self.given_name, PersonName::parse, PersonName::EXPECTED);
        let family_name = errors.parse("/family_name", self.family_name, PersonName::parse, PersonName::EXPECTED);
        let phone = self.phone.and_then(|text| errors.parse("/phone", text, PhoneNumber::parse, PhoneNumber::EXPECTED));
        let document = self.document.and_then(|field| field.read("/document", &mut errors));
        let registration = || {
            let (email, given_name, family_name) = (email?, given_name?, family_name?);
            Some(Registration { given_name, family_name, email, phone, document })
        };
        finished(errors, registration())
    }
}

/// A value that is there whenever nothing was wrong.
fn finished<T>(errors: FieldErrors, value: Option<T>) -> Result<T, Problem> {
    errors.finish()?;
    value.ok_or_else(|| super::Code::InvalidField.into())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn every_bad_field_is_named_at_once() {
        let document: DocumentField = serde_json::from_value(
            json!({"type": "card", "number": "1-2", "issued_on": "2026-02-30", "expires_on": null}),
        )
        .expect("a document");
        let fields = PersonFields {
            email: "nobody",
            given_name: "",
            family_name: "Pérez",
            phone: Some("123"),
            document: Some(&document),
        };
        let problem = fields.registration().expect_err("refused").document("/", "r");
        let pointers: Vec<_> =
            problem["errors"].as_array().into_iter().flatten().filter_map(|error| error["pointer"].as_str()).collect();
        let expected = ["/email", "/given_name", "/phone", "/document/type", "/document/number", "/document/issued_on"];
        assert_eq!(pointers, expected);
        assert_eq!(problem["code"], Value::from("invalid_field"));
    }

    #[test]
    fn a_document_ends_after_it_begins() {
        let document: DocumentField = serde_json::from_value(
            json!({"type": "dni", "number": "1", "issued_on": "2026-02-02", "expires_on": "2026-02-01"}),
        )
        .expect("a document");
        let problem = document.document("").expect_err("refused").document("/", "r");
        assert_eq!(problem["errors"][0]["pointer"], "/expires_on");
    }
}
