//! `ListUsers`: filters and pages. The page tokens of all lists are made here.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::UserPools;
use crate::lookup::user_type;
use crate::refusal::{Refusal, constraint, invalid_parameter};
use crate::store::users::{self, Condition};

/// The most a page may hold, and what it holds without a wish.
const PAGE: usize = 60;
const SEARCHABLE: [&str; 7] =
    ["sub", "email", "phone_number", "name", "given_name", "family_name", "preferred_username"];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListUsers {
    user_pool_id: String,
    attributes_to_get: Option<Vec<String>>,
    limit: Option<i64>,
    pagination_token: Option<String>,
    filter: Option<String>,
}

pub(crate) fn list_users(pools: &UserPools, request: ListUsers) -> Result<Value, Refusal> {
    let pool = pools.pool(&request.user_pool_id)?;
    let limit = page_size(request.limit)?;
    let after = read_token(request.pagination_token.as_deref())?;
    let filter = request.filter.as_deref().map(str::trim).filter(|filter| !filter.is_empty());
    let condition = filter.map(parse_filter).transpose()?;
    let mut found =
        pools.store.read(|connection| users::page(connection, &pool.id, condition.as_ref(), &after, limit + 1))?;
    let token = write_token(&mut found, limit, |user| &user.username);
    let only = request.attributes_to_get.as_deref();
    let shown: Vec<Value> = found.iter().map(|user| user_type(user, only)).collect();
    let mut answer = json!({"Users": shown});
    if let Some(token) = token {
        answer["PaginationToken"] = json!(token);
    }
    Ok(answer)
}

/// `attribute = "value"` or `attribute ^= "value"`, with `\"` inside the value.
fn parse_filter(filter: &str) -> Result<Condition, Refusal> {
    let malformed = || invalid_parameter("Error while parsing filter.");
    let (left, right) = filter.split_once('=').ok_or_else(malformed)?;
    let (left, prefix) = match left.strip_suffix('^') {
        Some(left) => (left, true),
        None => (left, false),
    };
    let attribute = left.trim().trim_matches('"');
    let quoted = right.trim().strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or_else(malformed)?;
    let mut value = String::with_capacity(quoted.len());
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => value.push(characters.next().ok_or_else(malformed)?),
            '"' => return Err(malformed()),
            other => value.push(other),
        }
    }
    let path = match attribute {
        "username" => "$.username".to_owned(),
        "cognito:user_status" => {
            value = value.to_uppercase();
            "$.status".to_owned()
        }
        "status" => {
            value = if value.eq_ignore_ascii_case("enabled") { "1".to_owned() } else { "0".to_owned() };
            "$.enabled".to_owned()
        }
        name if SEARCHABLE.contains(&name) => format!("$.attributes.{name}"),
        other => return Err(invalid_parameter(format!("Invalid search attribute: {other}"))),
    };
    Ok(Condition { path, value, prefix })
}

/// 0 and nothing mean the most.
pub(crate) fn page_size(limit: Option<i64>) -> Result<usize, Refusal> {
    match limit {
        None | Some(0) => Ok(PAGE),
        Some(limit) => match usize::try_from(limit) {
            Ok(limit) if limit <= PAGE => Ok(limit),
            _ => Err(constraint(&format!(" '{limit}'"), "limit", "Member must have value between 0 and 60")),
        },
    }
}

/// The name after which a page begins.
pub(crate) fn read_token(token: Option<&str>) -> Result<String, Refusal> {
    let Some(token) = token else {
        return Ok(String::new());
    };
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    let name = text.and_then(|text| text.strip_prefix("after:").map(str::to_owned));
    name.ok_or_else(|| invalid_parameter("Invalid pagination token."))
}

/// Cuts the page to its size; a token when there was more.
pub(crate) fn write_token<T>(found: &mut Vec<T>, limit: usize, name: impl Fn(&T) -> &String) -> Option<String> {
    if found.len() <= limit {
        return None;
    }
    found.truncate(limit);
    found.last().map(|last| URL_SAFE_NO_PAD.encode(format!("after:{}", name(last))))
}

#[cfg(test)]
mod tests {
    use super::parse_filter;

    #[test]
    fn filters_are_an_attribute_a_comparison_and_a_quoted_value() {
        for (filter, expected) in [
            ("email = \"a@example.com\"", Some(("$.attributes.email", "a@example.com", false))),
            ("email^=\"a\"", Some(("$.attributes.email", "a", true))),
            ("\"given_name\" = \"O\\\"Hara\"", Some(("$.attributes.given_name", "O\"Hara", false))),
            ("cognito:user_status = \"confirmed\"", Some(("$.status", "CONFIRMED", false))),
            ("status = \"Enabled\"", Some(("$.enabled", "1", false))),
            ("email = a@example.com", None),
            ("email", None),
            ("custom:tenant = \"x\"", None),
            ("email = \"a\" or \"b\"", None),
        ] {
            let parsed = parse_filter(filter).ok();
            let parsed = parsed.as_ref().map(|c| (c.path.as_str(), c.value.as_str(), c.prefix));
            assert_eq!(parsed, expected, "{filter}");
        }
    }
}
