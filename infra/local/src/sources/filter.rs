//! Event filter patterns: which records of a stream or a queue reach the function.
//!
//! The language is EventBridge's as Lambda takes it. A pattern is read once, at the start, so that a mistake is
//! an error then and not a silence later.

use serde_json::{Map, Value};

/// The patterns of one mapping; a record passes if any of them matches, or if there are none.
#[derive(Debug, Clone, Default)]
pub struct Filters(Vec<Pattern>);

/// A pattern that is not one, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("filter pattern at {path}: {reason}")]
pub struct PatternError {
    path: String,
    reason: String,
}

#[derive(Debug, Clone)]
enum Pattern {
    /// All fields must match.
    Fields(Vec<(String, Pattern)>),
    /// `$or`: one of these must match the same object.
    Either(Vec<Pattern>),
    /// One of the rules must hold for the value.
    Leaf(Vec<Rule>),
}

#[derive(Debug, Clone)]
enum Rule {
    Equals(Value),
    EqualsIgnoringCase(String),
    Prefix(String),
    PrefixIgnoringCase(String),
    Suffix(String),
    SuffixIgnoringCase(String),
    Wildcard(String),
    Numeric(Vec<(Comparison, f64)>),
    Exists(bool),
    AnythingBut(Vec<Rule>),
}

#[derive(Debug, Clone, Copy)]
enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Filters {
    /// Reads the patterns.
    pub fn parse(patterns: &[Value]) -> Result<Filters, PatternError> {
        patterns.iter().map(|pattern| parse(pattern, "$")).collect::<Result<_, _>>().map(Filters)
    }

    /// Whether a stream's record passes.
    pub fn pass(&self, record: &Value) -> bool {
        self.0.is_empty() || self.0.iter().any(|pattern| pattern.matches(Some(record)))
    }

    /// Whether a message passes. A pattern with fields below `body` looks into a JSON body; any other takes the body
    /// as text.
    pub fn pass_message(&self, record: &Value) -> bool {
        if self.0.is_empty() {
            return true;
        }
        let body = record["body"].as_str().and_then(|body| serde_json::from_str::<Value>(body).ok());
        let parsed = body.filter(Value::is_object).map(|body| {
            let mut record = record.clone();
            record["body"] = body;
            record
        });
        self.0.iter().any(|pattern| match (pattern.looks_into("body"), &parsed) {
            (true, Some(parsed)) => pattern.matches(Some(parsed)),
            (true, None) => false,
            (false, _) => pattern.matches(Some(record)),
        })
    }
}

fn parse(pattern: &Value, path: &str) -> Result<Pattern, PatternError> {
    let refuse = |reason: &str| PatternError { path: path.to_owned(), reason: reason.to_owned() };
    match pattern {
        Value::Object(fields) if fields.is_empty() => Err(refuse("is empty")),
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| {
                let path = format!("{path}.{name}");
                let pattern = match (name.as_str(), value) {
                    ("$or", Value::Array(alternatives)) => {
                        Pattern::Either(alternatives.iter().map(|one| parse(one, &path)).collect::<Result<_, _>>()?)
                    }
                    _ => parse(value, &path)?,
                };
                Ok((name.clone(), pattern))
            };
            fields.iter().map(field).collect::<Result<_, _>>().map(Pattern::Fields)
        }
        Value::Array(rules) if rules.is_empty() => Err(refuse("lists no value")),
        Value::Array(rules) => {
            rules.iter().map(|rule| Rule::parse(rule, path)).collect::<Result<_, _>>().map(Pattern::Leaf)
        }
        _ => Err(refuse("must be a list of values")),
    }
}

impl Pattern {
    /// An absent value can only satisfy `exists: false`. Of a list in the record any element will do.
    fn matches(&self, value: Option<&Value>) -> bool {
        match (self, value) {
            (Pattern::Fields(_), Some(Value::Array(elements))) => elements.iter().any(|one| self.matches(Some(one))),
            (Pattern::Fields(fields), value) => {
                let object = value.and_then(Value::as_object);
                fields.iter().all(|(name, pattern)| match pattern {
                    Pattern::Either(alternatives) => alternatives.iter().any(|one| one.matches(value)),
                    pattern => pattern.matches(object.and_then(|object| object.get(name))),
                })
            }
            (Pattern::Either(alternatives), value) => alternatives.iter().any(|one| one.matches(value)),
            (Pattern::Leaf(rules), Some(Value::Array(elements))) => {
                let absent = || elements.is_empty() && rules.iter().any(|rule| rule.holds(None));
                absent() || elements.iter().any(|one| rules.iter().any(|rule| rule.holds(Some(one))))
            }
            (Pattern::Leaf(rules), value) => rules.iter().any(|rule| rule.holds(value)),
        }
    }

    fn looks_into(&self, field: &str) -> bool {
        match self {
            Pattern::Fields(fields) => fields.iter().any(|(name, pattern)| match pattern {
                Pattern::Fields(_) => name == field,
                Pattern::Either(_) => pattern.looks_into(field),
                Pattern::Leaf(_) => false,
            }),
            Pattern::Either(alternatives) => alternatives.iter().any(|one| one.looks_into(field)),
            Pattern::Leaf(_) => false,
        }
    }
}

impl Rule {
    fn parse(rule: &Value, path: &str) -> Result<Rule, PatternError> {
        let refuse = |reason: String| PatternError { path: path.to_owned(), reason };
        let Value::Object(operator) = rule else {
            return match rule {
                Value::Array(_) => Err(refuse("a list within a list".to_owned())),
                plain => Ok(Rule::Equals(plain.clone())),
            };
        };
        let (name, operand) = only_entry(operator).ok_or_else(|| refuse("one operator at a time".to_owned()))?;
        let wrong = || refuse(format!("{name} cannot take {operand}"));
        let text = || operand.as_str().map(str::to_owned).ok_or_else(wrong);
        let ignoring_case = || {
            let inner = operand.as_object().and_then(only_entry)?;
            (inner.0 == "equals-ignore-case").then(|| inner.1.as_str().map(str::to_lowercase)).flatten()
        };
        match name {
            "prefix" => {
                ignoring_case().map_or_else(|| text().map(Rule::Prefix), |text| Ok(Rule::PrefixIgnoringCase(text)))
            }
            "suffix" => {
                ignoring_case().map_or_else(|| text().map(Rule::Suffix), |text| Ok(Rule::SuffixIgnoringCase(text)))
            }
            "equals-ignore-case" => text().map(|text| Rule::EqualsIgnoringCase(text.to_lowercase())),
            "wildcard" => text().map(Rule::Wildcard),
            "exists" => operand.as_bool().map(Rule::Exists).ok_or_else(wrong),
            "numeric" => comparisons(operand).map(Rule::Numeric).ok_or_else(wrong),
            "anything-but" => anything_but(operand, path).map(Rule::AnythingBut),
            _ => Err(refuse(format!("the operator {name} is not served locally"))),
        }
    }

    fn holds(&self, value: Option<&Value>) -> bool {
        // Only leaves exist in this sense: a mapping is a path to them.
        let value = value.filter(|value| !value.is_object());
        let Some(value) = value else {
            return matches!(self, Rule::Exists(false));
        };
        let text = value.as_str();
        let lower = || text.map(str::to_lowercase).unwrap_or_default();
        match self {
            Rule::Equals(wanted) => match (wanted.as_f64(), value.as_f64()) {
                (Some(wanted), Some(value)) => wanted == value,
                _ => wanted == value,
            },
            Rule::EqualsIgnoringCase(wanted) => text.is_some() && lower() == *wanted,
            Rule::Prefix(prefix) => text.is_some_and(|text| text.starts_with(prefix.as_str())),
            Rule::PrefixIgnoringCase(prefix) => text.is_some() && lower().starts_with(prefix.as_str()),
            Rule::Suffix(suffix) => text.is_some_and(|text| text.ends_with(suffix.as_str())),
            Rule::SuffixIgnoringCase(suffix) => text.is_some() && lower().ends_with(suffix.as_str()),
            Rule::Wildcard(pattern) => text.is_some_and(|text| wildcard(pattern, text)),
            Rule::Numeric(bounds) => value.as_f64().is_some_and(|number| {
                bounds.iter().all(|(comparison, bound)| match comparison {
                    Comparison::Equal => number == *bound,
                    Comparison::Less => number < *bound,
                    Comparison::LessOrEqual => number <= *bound,
                    Comparison::Greater => number > *bound,
                    Comparison::GreaterOrEqual => number >= *bound,
                })
            }),
            Rule::Exists(wanted) => *wanted,
            Rule::AnythingBut(unwanted) => !unwanted.iter().any(|rule| rule.holds(Some(value))),
        }
    }
}

fn only_entry(object: &Map<String, Value>) -> Option<(&str, &Value)> {
    let mut entries = object.iter();
    entries.next().filter(|_| object.len() == 1).map(|(name, value)| (name.as_str(), value))
}

/// `[">=", 0, "<", 5]`.
fn comparisons(operand: &Value) -> Option<Vec<(Comparison, f64)>> {
    let parts = operand.as_array().filter(|parts| !parts.is_empty() && parts.len() % 2 == 0)?;
    let pair = |pair: &[Value]| {
        let comparison = match pair[0].as_str()? {
            "=" => Comparison::Equal,
            "<" => Comparison::Less,
            "<=" => Comparison::LessOrEqual,
            ">" => Comparison::Greater,
            ">=" => Comparison::GreaterOrEqual,
            _ => return None,
        };
        Some((comparison, pair[1].as_f64()?))
    };
    parts.chunks(2).map(pair).collect()
}

/// A value, a list of values, or an operator over one or several texts.
fn anything_but(operand: &Value, path: &str) -> Result<Vec<Rule>, PatternError> {
    match operand {
        Value::Array(values) => values.iter().map(|value| Rule::parse(value, path)).collect(),
        Value::Object(operator) => match only_entry(operator) {
            Some((name, Value::Array(texts))) => {
                let each = |text: &Value| Rule::parse(&serde_json::json!({name: text}), path);
                texts.iter().map(each).collect()
            }
            _ => Ok(vec![Rule::parse(operand, path)?]),
        },
        value => Ok(vec![Rule::Equals(value.clone())]),
    }
}

/// `*` stands for any characters; there is no other special one.
fn wildcard(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(text) = text.strip_prefix(head) else {
        return false;
    };
    let starts = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    starts.into_iter().any(|at| wildcard(rest, &text[at..]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(pattern: Value, record: Value, passes: bool) {
        let filters = Filters::parse(std::slice::from_ref(&pattern)).unwrap();
        assert_eq!(filters.pass(&record), passes, "pattern {pattern}\nrecord {record}");
    }

    fn row(image: Value) -> Value {
        json!({"eventName": "INSERT", "dynamodb": {"Keys": {"pk": {"S": "journal#BTC"}}, "NewImage": image}})
    }

    #[test]
    fn all_fields_must_match_and_one_value_of_each_is_enough() {
        let pattern =
            json!({"eventName": ["INSERT", "MODIFY"], "dynamodb": {"Keys": {"pk": {"S": [{"prefix": "journal#"}]}}}});
        check(pattern.clone(), row(json!({})), true);
        check(pattern.clone(), json!({"eventName": "INSERT", "dynamodb": {"Keys": {"pk": {"S": "order#1"}}}}), false);
        check(pattern, json!({"eventName": "REMOVE", "dynamodb": {"Keys": {"pk": {"S": "journal#1"}}}}), false);
    }

    #[test]
    fn exists_looks_at_leaves_only() {
        let exists = |wanted: bool| json!({"dynamodb": {"NewImage": {"hold_key": {"S": [{"exists": wanted}]}}}});
        let with = row(json!({"hold_key": {"S": "x"}}));
        check(exists(true), with.clone(), true);
        check(exists(false), with.clone(), false);
        check(exists(true), row(json!({})), false);
        check(exists(false), row(json!({})), true);
        check(exists(false), json!({"eventName": "REMOVE"}), true);
        check(json!({"dynamodb": {"NewImage": {"hold_key": [{"exists": true}]}}}), with, false);
    }

    #[test]
    fn operators_compare_as_eventbridge_does() {
        for (rule, value, passes) in [
            (json!("a"), json!("a"), true),
            (json!("a"), json!("A"), false),
            (json!(300), json!(300.0), true),
            (json!(300), json!("300"), false),
            (json!(null), json!(null), true),
            (json!({"suffix": ".png"}), json!("a.png"), true),
            (json!({"prefix": {"equals-ignore-case": "JOUR"}}), json!("journal"), true),
            (json!({"equals-ignore-case": "Alice"}), json!("aLICE"), true),
            (json!({"wildcard": "a*c*"}), json!("abcd"), true),
            (json!({"wildcard": "a*c"}), json!("abcd"), false),
            (json!({"numeric": [">=", 0, "<", 5]}), json!(0), true),
            (json!({"numeric": [">=", 0, "<", 5]}), json!(5), false),
            (json!({"numeric": ["=", 1]}), json!("1"), false), // numbers in a table's record are texts, on AWS too
            (json!({"anything-but": ["a", "b"]}), json!("c"), true),
            (json!({"anything-but": ["a", "b"]}), json!("a"), false),
            (json!({"anything-but": {"prefix": ["x", "y"]}}), json!("yes"), false),
            (json!({"anything-but": {"prefix": "x"}}), json!("yes"), true),
            (json!("b"), json!(["a", "b"]), true),
        ] {
            check(json!({"field": [rule]}), json!({"field": value}), passes);
        }
        check(json!({"field": [{"anything-but": "a"}]}), json!({}), false);
    }

    #[test]
    fn or_joins_alternatives_of_one_object() {
        let pattern = json!({"kind": ["x"], "$or": [{"a": [1]}, {"b": [2]}]});
        check(pattern.clone(), json!({"kind": "x", "b": 2}), true);
        check(pattern.clone(), json!({"kind": "x", "b": 3}), false);
        check(pattern, json!({"kind": "y", "a": 1}), false);
    }

    #[test]
    fn no_filter_passes_everything_and_one_of_several_is_enough() {
        assert!(Filters::default().pass(&json!({})));
        let filters = Filters::parse(&[json!({"a": [1]}), json!({"b": [2]})]).unwrap();
        assert!(filters.pass(&json!({"b": 2})));
        assert!(!filters.pass(&json!({"c": 3})));
    }

    #[test]
    fn a_message_is_looked_into_if_the_pattern_names_fields_of_its_body() {
        let within = Filters::parse(&[json!({"body": {"kind": ["retry"]}})]).unwrap();
        assert!(within.pass_message(&json!({"body": r#"{"kind": "retry"}"#})));
        assert!(!within.pass_message(&json!({"body": r#"{"kind": "done"}"#})));
        assert!(!within.pass_message(&json!({"body": "retry"})));
        let whole = Filters::parse(&[json!({"body": ["retry"]})]).unwrap();
        assert!(whole.pass_message(&json!({"body": "retry"})));
    }

    #[test]
    fn a_mistake_in_a_pattern_is_named_with_its_place() {
        for (pattern, place) in [
            (json!({"eventName": "INSERT"}), "$.eventName"),
            (json!({"a": {"b": []}}), "$.a.b"),
            (json!({"a": [{"cidr": "10.0.0.0/8"}]}), "$.a"),
            (json!({"a": [{"numeric": [">"]}]}), "$.a"),
            (json!({}), "$"),
        ] {
            let error = Filters::parse(std::slice::from_ref(&pattern)).unwrap_err();
            assert_eq!(error.path, place, "{pattern}: {error}");
        }
    }
}
