//! What attributes a user may have, who may write them, and what their values must look like.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::SchemaAttribute;
use crate::directory::{Client, Pool};
use crate::refusal::{Refusal, invalid_parameter, not_authorized};

/// `AttributeType` of the API.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Attribute {
    pub name: String,
    #[serde(default)]
    pub value: Option<String>,
}

/// Who writes.
#[derive(Clone, Copy)]
pub(crate) enum Writer<'a> {
    Client(&'a Client),
    Admin,
}

const STANDARD: [&str; 17] = [
    "address",
    "birthdate",
    "email",
    "family_name",
    "gender",
    "given_name",
    "locale",
    "middle_name",
    "name",
    "nickname",
    "phone_number",
    "picture",
    "preferred_username",
    "profile",
    "updated_at",
    "website",
    "zoneinfo",
];
const VERIFIED: [&str; 2] = ["email_verified", "phone_number_verified"];

pub(crate) fn to_map(attributes: Vec<Attribute>) -> BTreeMap<String, String> {
    attributes.into_iter().map(|attribute| (attribute.name, attribute.value.unwrap_or_default())).collect()
}

/// Refuses names that do not exist, that the writer may not write, and values of the wrong form.
pub(crate) fn check(pool: &Pool, writer: Writer<'_>, attributes: &BTreeMap<String, String>) -> Result<(), Refusal> {
    for (name, value) in attributes {
        let defined = definition(pool, name);
        if name == "sub" {
            return Err(invalid_parameter("Cannot modify the non-mutable attribute sub"));
        }
        let known = is_standard(name) || VERIFIED.contains(&name.as_str());
        if !known && (defined.is_none() || !name.contains(':')) {
            return Err(nonconforming(format!("Type for attribute {{{name}}} could not be determined")));
        }
        if let Writer::Client(client) = writer
            && (!writable(client, name) || defined.is_some_and(|d| d.developer_only_attribute == Some(true)))
        {
            return Err(not_authorized("A client attempted to write unauthorized attribute"));
        }
        check_value(name, value, defined)?;
    }
    Ok(())
}

/// Attributes that must not change once they have a value.
pub(crate) fn check_mutable(pool: &Pool, attributes: &BTreeMap<String, String>) -> Result<(), Refusal> {
    for name in attributes.keys() {
        if definition(pool, name).is_some_and(|d| d.mutable == Some(false)) {
            return Err(invalid_parameter(format!("user.{name}: Attribute cannot be updated.\n")));
        }
    }
    Ok(())
}

/// The names the pool requires of a user who signs himself up.
pub(crate) fn required(pool: &Pool) -> impl Iterator<Item = &str> {
    let required = pool.properties.schema.iter().filter(|attribute| attribute.required == Some(true));
    required.map(|attribute| attribute.name.as_str()).filter(|name| *name != "sub")
}

pub(crate) fn check_required(pool: &Pool, attributes: &BTreeMap<String, String>) -> Result<(), Refusal> {
    for name in required(pool) {
        if attributes.get(name).is_none_or(String::is_empty) {
            return Err(nonconforming(format!("{name}: The attribute is required\n")));
        }
    }
    Ok(())
}

/// Whether the client may see the attribute. Without a list: the standard ones and the two flags.
pub(crate) fn readable(client: &Client, name: &str) -> bool {
    match &client.properties.read_attributes {
        Some(names) => names.iter().any(|listed| listed == name),
        None => is_standard(name) || VERIFIED.contains(&name),
    }
}

fn writable(client: &Client, name: &str) -> bool {
    match &client.properties.write_attributes {
        Some(names) => names.iter().any(|listed| listed == name),
        None => is_standard(name),
    }
}

fn is_standard(name: &str) -> bool {
    STANDARD.contains(&name)
}

/// The template's entry: standard ones by their name, own ones behind `custom:` (or `dev:custom:`).
fn definition<'a>(pool: &'a Pool, name: &str) -> Option<&'a SchemaAttribute> {
    pool.properties.schema.iter().find(|attribute| {
        if is_standard(&attribute.name) || VERIFIED.contains(&attribute.name.as_str()) {
            return attribute.name == name;
        }
        let bare = if attribute.developer_only_attribute == Some(true) {
            name.strip_prefix("dev:custom:")
        } else {
            name.strip_prefix("custom:")
        };
        bare == Some(attribute.name.as_str())
    })
}

fn check_value(name: &str, value: &str, defined: Option<&SchemaAttribute>) -> Result<(), Refusal> {
    // A blank value takes the attribute away.
    if value.is_empty() {
        return Ok(());
    }
    if value.len() > 2_048 {
        return Err(nonconforming(format!("{name}: String must be no longer than 2048 characters\n")));
    }
    match name {
        "email" if !is_email(value) => return Err(invalid_parameter("Invalid email address format.")),
        "phone_number" if !is_phone(value) => return Err(invalid_parameter("Invalid phone number format.")),
        "birthdate" if value.len() != 10 => {
            return Err(nonconforming("birthdate: String must be 10 characters\n".to_owned()));
        }
        "updated_at" if value.parse::<i64>().is_err() => {
            return Err(nonconforming("updated_at: Invalid number\n".to_owned()));
        }
        _ if VERIFIED.contains(&name) && value != "true" && value != "false" => {
            return Err(nonconforming(format!("{name}: Invalid boolean\n")));
        }
        _ => {}
    }
    let Some(defined) = defined else {
        return Ok(());
    };
    if defined.attribute_data_type.as_deref() == Some("Number") {
        let bounds = &defined.number_attribute_constraints;
        let number: i64 = value.parse().map_err(|_| nonconforming(format!("{name}: The value is not a number\n")))?;
        let fits =
            bounds.min_value.is_none_or(|low| number >= low) && bounds.max_value.is_none_or(|high| number <= high);
        return if fits { Ok(()) } else { Err(nonconforming(format!("{name}: Number out of range\n"))) };
    }
    let bounds = &defined.string_attribute_constraints;
    let length = i64::try_from(value.chars().count()).unwrap_or(i64::MAX);
    if let Some(low) = bounds.min_length.filter(|low| length < *low) {
        return Err(nonconforming(format!("{name}: String must be longer than {low} characters\n")));
    }
    if let Some(high) = bounds.max_length.filter(|high| length > *high) {
        return Err(nonconforming(format!("{name}: String must be no longer than {high} characters\n")));
    }
    Ok(())
}

fn nonconforming(reason: String) -> Refusal {
    invalid_parameter(format!("Attributes did not conform to the schema: {reason}"))
}

/// One `@`, something before it, a dotted name after it, no blanks.
pub(crate) fn is_email(text: &str) -> bool {
    let Some((local, host)) = text.split_once('@') else {
        return false;
    };
    let plain = text.chars().all(|c| !c.is_whitespace() && !c.is_control());
    let labels =
        host.split('.').all(|label| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-'));
    plain && !local.is_empty() && local.len() <= 64 && host.contains('.') && labels
}

/// E.164.
pub(crate) fn is_phone(text: &str) -> bool {
    text.strip_prefix('+')
        .is_some_and(|digits| (1..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()))
}
