//! Drawing secrets by the rules of `GetRandomPassword` and of CloudFormation's `GenerateSecretString`, which are
//! the same but for the JSON template around the password.

use serde_json::{Map, Value};

use super::SecretsError;

const LOWERCASE: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPERCASE: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const NUMBERS: &str = "0123456789";
const PUNCTUATION: &str = r##"!"#$%&'()*+,-./:;<=>?@[\]^_`{|}~"##;

/// The value of `GenerateSecretString`: a password, or a JSON object with the password under a key.
pub(super) fn secret_string(rules: &Map<String, Value>) -> Result<String, SecretsError> {
    let password = password(rules)?;
    let text = |name: &str| rules.get(name).and_then(Value::as_str);
    match (text("SecretStringTemplate"), text("GenerateStringKey")) {
        (None, None) => Ok(password),
        (Some(template), Some(key)) => {
            let mut object: Map<String, Value> = serde_json::from_str(template)
                .map_err(|_| SecretsError::invalid("SecretStringTemplate must be a JSON object."))?;
            object.insert(key.to_owned(), Value::String(password));
            Ok(Value::Object(object).to_string())
        }
        _ => Err(SecretsError::invalid("SecretStringTemplate and GenerateStringKey go together.")),
    }
}

/// A password of `PasswordLength` characters (32 unless told), with one of each kind that is not excluded.
pub(super) fn password(rules: &Map<String, Value>) -> Result<String, SecretsError> {
    // A template may carry numbers and booleans as text.
    let flag = |name: &str, default: bool| match rules.get(name) {
        Some(Value::Bool(value)) => *value,
        Some(Value::String(text)) => text == "true",
        _ => default,
    };
    let length = match rules.get("PasswordLength") {
        None | Some(Value::Null) => Some(32),
        Some(Value::String(text)) => text.parse().ok(),
        Some(value) => value.as_u64(),
    };
    let length = length
        .and_then(|length| usize::try_from(length).ok())
        .filter(|length| (1..=4_096).contains(length))
        .ok_or_else(|| SecretsError::invalid("PasswordLength must be between 1 and 4096."))?;
    let excluded = rules.get("ExcludeCharacters").and_then(Value::as_str).unwrap_or_default();
    let kinds: Vec<Vec<char>> = [
        (LOWERCASE, !flag("ExcludeLowercase", false)),
        (UPPERCASE, !flag("ExcludeUppercase", false)),
        (NUMBERS, !flag("ExcludeNumbers", false)),
        (PUNCTUATION, !flag("ExcludePunctuation", false)),
        (" ", flag("IncludeSpace", false)),
    ]
    .into_iter()
    .filter(|(_, included)| *included)
    .map(|(kind, _)| kind.chars().filter(|c| !excluded.contains(*c)).collect())
    .collect();
    let every: Vec<char> = kinds.concat();
    let each = flag("RequireEachIncludedType", true);
    if every.is_empty() || each && (kinds.iter().any(Vec::is_empty) || kinds.len() > length) {
        return Err(SecretsError::invalid("The rules leave no password to draw."));
    }
    let required = if each { kinds.as_slice() } else { &[] };
    let mut drawn = Vec::with_capacity(length);
    for kind in required {
        drawn.push(kind[below(kind.len())?]);
    }
    while drawn.len() < length {
        drawn.push(every[below(every.len())?]);
    }
    // The required ones stand at the front: shuffle (Fisher-Yates).
    for last in (1..drawn.len()).rev() {
        drawn.swap(last, below(last + 1)?);
    }
    Ok(drawn.into_iter().collect())
}

/// A number below `bound`, which is at least 1, from the operating system's randomness and without bias.
fn below(bound: usize) -> Result<usize, SecretsError> {
    let unavailable = |_| SecretsError::new("InternalServiceError", "no randomness");
    let bound = u32::try_from(bound).unwrap_or(u32::MAX);
    let fair = u32::MAX - u32::MAX % bound;
    loop {
        let drawn = getrandom::u32().map_err(unavailable)?;
        if drawn < fair {
            return Ok((drawn % bound) as usize);
        }
    }
}
