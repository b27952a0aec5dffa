//! Which route a method and a path name: segment by segment, the literal child before the parameter.
//!
//! The path is compared as it was sent. API Gateway REST neither decodes nor normalises it, and neither does this: `%2e%2e`,
//! `..` and `%2f` are the text of one segment and never lead to another route. An empty segment (`//`, a slash at the end)
//! names nothing.

use std::collections::{BTreeMap, HashMap};

/// A tree of resources with a value `T` per method.
#[derive(Debug)]
pub struct Router<T> {
    root: Node<T>,
}

#[derive(Debug)]
struct Node<T> {
    literals: HashMap<Box<str>, Node<T>>,
    parameter: Option<Box<Node<T>>>,
    greedy: Option<Box<Resource<T>>>,
    resource: Option<Resource<T>>,
}

/// One path of the template and what answers on it.
#[derive(Debug)]
pub struct Resource<T> {
    /// As in the template: `/accounts/{id}`.
    pub path: Box<str>,
    /// Names of the parameters, left to right.
    pub parameters: Vec<Box<str>>,
    /// By method in capitals; `ANY` stands for every one that is not named.
    pub methods: BTreeMap<Box<str>, T>,
}

impl<T> Resource<T> {
    /// What answers this method.
    pub fn method(&self, method: &str) -> Option<&T> {
        self.methods.get(method).or_else(|| self.methods.get("ANY"))
    }
}

/// A path that names a resource.
#[derive(Debug)]
pub struct Found<'r, 'p, T> {
    /// The resource.
    pub resource: &'r Resource<T>,
    /// Values of its parameters, still encoded, in the order of [`Resource::parameters`].
    pub values: Vec<&'p str>,
}

impl<T> Default for Node<T> {
    fn default() -> Self {
        Self { literals: HashMap::new(), parameter: None, greedy: None, resource: None }
    }
}

impl<T> Default for Router<T> {
    fn default() -> Self {
        Self { root: Node::default() }
    }
}

impl<T> Router<T> {
    /// Adds a route. The same method and path twice keeps the later one.
    pub fn add(&mut self, method: &str, path: &str, value: T) {
        let mut parameters = Vec::new();
        let mut node = &mut self.root;
        for segment in segments(path) {
            if let Some(name) = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                if let Some(name) = name.strip_suffix('+') {
                    parameters.push(name.into());
                    let greedy = node.greedy.get_or_insert_with(|| Box::new(resource(path, parameters)));
                    greedy.methods.insert(method_name(method), value);
                    return;
                }
                parameters.push(name.into());
                node = node.parameter.get_or_insert_with(Box::default);
            } else {
                node = node.literals.entry(segment.into()).or_default();
            }
        }
        let resource = node.resource.get_or_insert_with(|| resource(path, parameters));
        resource.methods.insert(method_name(method), value);
    }

    /// The resource that a path (without the stage, from its first slash, without the query) names.
    pub fn find<'r, 'p>(&'r self, path: &'p str) -> Option<Found<'r, 'p, T>> {
        let path = path.strip_prefix('/')?;
        let mut values = Vec::new();
        let mut node = &self.root;
        let mut rest = (!path.is_empty()).then_some(path);
        while let Some(remaining) = rest {
            let (segment, after) = match remaining.split_once('/') {
                Some((segment, after)) => (segment, Some(after)),
                None => (remaining, None),
            };
            if segment.is_empty() {
                return None;
            }
            if let Some(literal) = node.literals.get(segment) {
                node = literal;
            } else if let Some(parameter) = &node.parameter {
                values.push(segment);
                node = parameter;
            } else {
                let resource = node.greedy.as_deref()?;
                values.push(remaining);
                return Some(Found { resource, values });
            }
            rest = after;
        }
        node.resource.as_ref().map(|resource| Found { resource, values })
    }
}

fn resource<T>(path: &str, parameters: Vec<Box<str>>) -> Resource<T> {
    Resource { path: path.into(), parameters, methods: BTreeMap::new() }
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

/// The template writes methods in any case, and `any` or SAM's long name for all of them.
fn method_name(method: &str) -> Box<str> {
    match method.to_ascii_uppercase().as_str() {
        "X-AMAZON-APIGATEWAY-ANY-METHOD" => "ANY".into(),
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bank() -> Router<&'static str> {
        let mut router = Router::default();
        for (method, path, value) in [
            ("post", "/accounts", "open"),
            ("GET", "/accounts", "list"),
            ("GET", "/accounts/{id}", "get"),
            ("GET", "/accounts/{id}/entries", "entries"),
            ("GET", "/accounts/summary", "summary"),
            ("POST", "/transfers/{id}/void", "void"),
            ("GET", "/docs", "docs"),
            ("ANY", "/docs/{proxy+}", "asset"),
        ] {
            router.add(method, path, value);
        }
        router
    }

    #[test]
    fn a_literal_segment_wins_over_a_parameter_and_nothing_is_decoded_or_normalised() {
        let router = bank();
        for (method, path, expected) in [
            ("GET", "/accounts", Some("list")),
            ("POST", "/accounts", Some("open")),
            ("DELETE", "/accounts", None),
            ("GET", "/accounts/summary", Some("summary")),
            ("GET", "/accounts/acc_1", Some("get")),
            ("GET", "/accounts/acc_1/entries", Some("entries")),
            ("GET", "/accounts/acc_1/unknown", None),
            ("GET", "/accounts/", None),
            ("GET", "//accounts", None),
            ("GET", "/accounts//entries", None),
            ("GET", "/", None),
            ("GET", "", None),
            ("GET", "/accounts/%2e%2e", Some("get")),
            ("GET", "/accounts/..", Some("get")),
            ("GET", "/accounts/a%2Fentries", Some("get")),
            ("GET", "/%61ccounts", None),
            ("GET", "/ACCOUNTS", None),
            ("GET", "/docs", Some("docs")),
            ("PATCH", "/docs/a/b.css", Some("asset")),
            ("GET", "/docs/", None),
        ] {
            let found = router.find(path).and_then(|found| found.resource.method(method).copied());
            assert_eq!(found, expected, "{method} {path}");
        }
    }

    #[test]
    fn parameters_keep_their_encoding_and_their_names() {
        let router = bank();
        let found = router.find("/transfers/a%20b/void").expect("a route");
        assert_eq!((&*found.resource.parameters[0], found.values[0]), ("id", "a%20b"));
        assert_eq!(&*found.resource.path, "/transfers/{id}/void");
        let found = router.find("/docs/css/a.css").expect("a route");
        assert_eq!((&*found.resource.parameters[0], found.values[0]), ("proxy", "css/a.css"));
    }

    #[test]
    fn a_very_long_path_is_one_more_unknown_path() {
        let long = format!("/{}", "a/".repeat(5_000));
        assert!(bank().find(&long).is_none());
        let long = format!("/accounts/{}", "x".repeat(10_000));
        assert!(bank().find(&long).is_some());
    }
}
