//! The template's routes against the OpenAPI document and the list of public ones.

use std::collections::{BTreeMap, BTreeSet};

use serde_yaml_ng::Value;

use crate::repository::{Repository, root};

/// The scope of every access token of a person.
const PERSON: &str = "aws.cognito.signin.user.admin";
/// The scope of a partner's machine token, and the routes it opens.
const PARTNER: &str = "florin/vouchers.buy";
const PARTNER_ROUTES: &[&str] = &["POST /vouchers", "GET /vouchers/{id}"];
/// A resource policy of a function holds about so many routes (20 KB).
const ROUTES_OF_A_FUNCTION: usize = 40;

pub fn openapi_equals_template(repository: &Repository) -> Vec<String> {
    let text = std::fs::read_to_string(root().join("infra/api/openapi.yaml")).expect("infra/api/openapi.yaml");
    compare(repository, &text)
}

/// Both directions, with who may call: `security: []` is a public route.
pub fn compare(repository: &Repository, openapi: &str) -> Vec<String> {
    let mut broken = Vec::new();
    let document: Value = serde_yaml_ng::from_str(openapi).expect("openapi.yaml is YAML");
    let closed = |operation: &Value| match operation.get("security").or_else(|| document.get("security")) {
        Some(Value::Sequence(requirements)) => !requirements.is_empty(),
        _ => false,
    };
    let mut described = BTreeMap::new();
    for (path, operations) in document["paths"].as_mapping().into_iter().flatten() {
        for (method, operation) in operations.as_mapping().into_iter().flatten() {
            let method = method.as_str().unwrap_or_default().to_uppercase();
            if ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"].contains(&method.as_str()) {
                described.insert(format!("{method} {}", path.as_str().unwrap_or_default()), closed(operation));
            }
        }
    }
    let mut served = BTreeMap::new();
    for (function, route) in repository.routes() {
        let key = format!("{} {}", route.method, route.path);
        if served.insert(key.clone(), route.authorizer.is_some()).is_some() {
            broken.push(format!("{}: {key} is served twice", function.logical_id));
        }
        if route.authorizer.is_some() && !route.scopes.iter().any(|scope| scope == PERSON) {
            broken.push(format!(
                "{}: {key} does not ask for {PERSON}, so it takes other tokens than access tokens",
                function.logical_id
            ));
        }
    }
    for (key, closed) in &served {
        match described.get(key) {
            None => broken.push(format!("{key} is not in openapi.yaml")),
            Some(described) if described != closed => {
                broken.push(format!(
                    "{key} needs {} token in the template and {} in openapi.yaml",
                    a(*closed),
                    a(*described)
                ));
            }
            Some(_) => {}
        }
    }
    broken.extend(
        described.keys().filter(|key| !served.contains_key(*key)).map(|key| format!("{key} is not in template.yaml")),
    );
    for function in repository.full.functions() {
        let count = repository.routes().filter(|(of, _)| of.logical_id == function.logical_id).count();
        if count > ROUTES_OF_A_FUNCTION {
            broken.push(format!(
                "{} serves {count} routes; its resource policy holds about {ROUTES_OF_A_FUNCTION}",
                function.logical_id
            ));
        }
    }
    broken
}

fn a(token: bool) -> &'static str {
    if token { "a" } else { "no" }
}

pub fn public_routes_are_listed(repository: &Repository) -> Vec<String> {
    let text =
        std::fs::read_to_string(root().join("infra/api/public-routes.txt")).expect("infra/api/public-routes.txt");
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let mut broken = Vec::new();
    if !lines.is_sorted() {
        broken.push("public-routes.txt is not sorted".to_owned());
    }
    let listed: BTreeSet<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    let public: BTreeSet<String> = repository
        .routes()
        .filter(|(_, route)| route.authorizer.is_none())
        .map(|(_, route)| format!("{} {}", route.method, route.path))
        .collect();
    broken.extend(public.difference(&listed).map(|route| format!("{route} is open but not in public-routes.txt")));
    broken.extend(listed.difference(&public).map(|route| format!("{route} is in public-routes.txt but not open")));
    broken
}

pub fn partner_scope_stays_on_vouchers(repository: &Repository) -> Vec<String> {
    let mut broken = Vec::new();
    for (function, route) in repository.routes() {
        let key = format!("{} {}", route.method, route.path);
        let open = route.scopes.iter().any(|scope| scope == PARTNER);
        if open != PARTNER_ROUTES.contains(&key.as_str()) {
            let how = if open { "is open to" } else { "is closed to" };
            broken.push(format!("{}: {key} {how} {PARTNER}", function.logical_id));
        }
    }
    for authorizer in repository.full.api().into_iter().flat_map(|api| &api.authorizers) {
        if authorizer.scopes != [PERSON] {
            broken.push(format!("the authorizer {} opens every route to {:?}", authorizer.name, authorizer.scopes));
        }
    }
    broken
}
