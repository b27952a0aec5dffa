//! CloudFormation passes booleans and numbers as text when they come from parameters.

use serde::{Deserialize, Deserializer, de::Error};

#[derive(Deserialize)]
#[serde(untagged)]
enum Loose<T> {
    Native(T),
    Text(String),
}

pub(super) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    parse(deserializer, "true or false")
}

pub(super) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    parse(deserializer, "a whole number")
}

fn parse<'de, D, T>(deserializer: D, expected: &str) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + std::str::FromStr,
{
    match Option::<Loose<T>>::deserialize(deserializer) {
        Ok(None) => Ok(None),
        Ok(Some(Loose::Native(value))) => Ok(Some(value)),
        Ok(Some(Loose::Text(text))) => match text.trim().to_ascii_lowercase().parse() {
            Ok(value) => Ok(Some(value)),
            Err(_) => Err(D::Error::custom(format!("`{text}` is not {expected}"))),
        },
        Err(_) => Err(D::Error::custom(format!("expected {expected}"))),
    }
}
