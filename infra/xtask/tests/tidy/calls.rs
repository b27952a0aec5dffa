//! What a function calls is what its role grants: no emulator enforces IAM, so a missing grant would show on AWS only, and one too many
//! nowhere.
//!
//! Read from the sources, not from a run: which methods of `shared/aws` a function calls (`ledger.post(…)`), which SDK operations stand in
//! them and in what they call in turn. Coarse where it must be (names, not types), and on the safe side: it may ask for a grant that is
//! never used, never the other way round.

use std::collections::{BTreeMap, BTreeSet};

use local_template::Function;

use crate::layout::{self, Source};
use crate::names;
use crate::repository::Repository;
use crate::{permissions, queues};

/// Receivers by the module of `shared/aws` they belong to.
const RECEIVERS: &[(&str, &str)] = &[
    ("ledger", "ledger"),
    ("customers", "customers"),
    ("vouchers", "vouchers"),
    ("phones", "phones"),
    ("exchange", "exchange"),
    ("warm", "exchange"),
    ("users", "identity"),
    ("sessions", "identity"),
];
/// The table of a module.
const TABLES: &[(&str, &str)] = &[
    ("ledger", "LedgerTable"),
    ("customers", "CustomersTable"),
    ("vouchers", "VouchersTable"),
    ("phones", "PhonesTable"),
    ("exchange", "ExchangeTable"),
];
/// Methods of the standard library: one of these is ours on `self` or when it is waited for.
const COMMON: &[&str] = &[
    "add",
    "get",
    "insert",
    "list",
    "lock",
    "new",
    "next",
    "page",
    "partition",
    "push",
    "read",
    "remove",
    "reverse",
    "send",
    "take",
    "text",
    "update",
];

/// SDK operations and what they need; `Query` may be on an index.
const OPERATIONS: &[(&str, &str)] = &[
    ("batch_get_item", "dynamodb:BatchGetItem"),
    ("batch_write_item", "dynamodb:BatchWriteItem"),
    ("delete_item", "dynamodb:DeleteItem"),
    ("describe_table", "dynamodb:DescribeTable"),
    ("get_item", "dynamodb:GetItem"),
    ("put_item", "dynamodb:PutItem"),
    ("query", "dynamodb:Query"),
    ("scan", "dynamodb:Scan"),
    ("update_item", "dynamodb:UpdateItem"),
    ("admin_add_user_to_group", "cognito-idp:AdminAddUserToGroup"),
    ("admin_create_user", "cognito-idp:AdminCreateUser"),
    ("admin_delete_user", "cognito-idp:AdminDeleteUser"),
    ("admin_disable_user", "cognito-idp:AdminDisableUser"),
    ("admin_enable_user", "cognito-idp:AdminEnableUser"),
    ("admin_get_user", "cognito-idp:AdminGetUser"),
    ("admin_update_user_attributes", "cognito-idp:AdminUpdateUserAttributes"),
    ("admin_user_global_sign_out", "cognito-idp:AdminUserGlobalSignOut"),
    ("describe_user_pool", "cognito-idp:DescribeUserPool"),
    ("list_users", "cognito-idp:ListUsers"),
];
/// Parts of a transaction.
const PARTS: &[(&str, &str)] = &[
    ("ConditionCheck", "dynamodb:ConditionCheckItem"),
    ("Delete", "dynamodb:DeleteItem"),
    ("Put", "dynamodb:PutItem"),
    ("Update", "dynamodb:UpdateItem"),
];

/// What serves one action only: whoever makes one calls it. Which queue or secret it is stands in a variable.
const SEND: (&str, &str) = ("Queue::new(", "sqs:SendMessage");
const READ: (&str, &str) = ("Secret::new(", "secretsmanager:GetSecretValue");
const TEXT: (&str, &str) = ("Phone::new(", "sns:Publish");

/// An action and what it is on: `LedgerTable`, `LedgerTable/index`, `UserPool`.
type Need = (String, String);

/// A function of `shared/aws`: its module, its name, whether it is a method, its text.
struct Body<'s> {
    area: &'s str,
    name: &'s str,
    method: bool,
    text: &'s str,
}

/// What a function is known by: a method and a free function of one name are two.
fn key(area: &str, name: &str, method: bool) -> (String, String) {
    (area.to_owned(), if method { name.to_owned() } else { format!("::{name}") })
}

/// All functions of the sources, with the text between their braces.
fn bodies(sources: &[Source]) -> Vec<Body<'_>> {
    let mut found = Vec::new();
    for (path, text) in sources {
        let area = path.split("/src/").nth(1).unwrap_or_default().split(['/', '.']).next().unwrap_or_default();
        let shipped = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (at, _) in shipped.match_indices("fn ") {
            let name = shipped[at + 3..].split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
            let boundary = shipped[..at].chars().next_back().is_none_or(char::is_whitespace);
            if let (true, false, Some(body)) = (boundary, name.is_empty(), braces(&shipped[at..])) {
                let first = shipped[at + 3..].split_once('(').map_or("", |(_, rest)| rest.trim_start());
                let first = first.trim_start_matches('&').trim_start_matches("mut ");
                found.push(Body { area, name, method: first.starts_with("self"), text: body });
            }
        }
    }
    found
}

/// The text of the first pair of braces, unless a `;` ends the signature before it.
fn braces(text: &str) -> Option<&str> {
    let start = text.find('{')?;
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for (at, c) in text[start..].char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '{' if !quoted => depth += 1,
            '}' if !quoted => {
                depth -= 1;
                if depth == 0 {
                    return Some(&text[start..=start + at]);
                }
            }
            _ => {}
        }
    }
    None
}

/// Calls in a text: what stands before the dot (nothing for a plain or path call, another dot for what is no name), the name, what
/// follows the opening parenthesis.
fn calls(text: &str) -> Vec<(&str, &str, &str)> {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices('(')
        .filter_map(|(at, _)| {
            let before = &text[..at];
            let name = &before[before.rfind(|c| !word(c)).map_or(0, |end| end + 1)..];
            let receiver = before[..before.len() - name.len()].trim_end();
            let receiver = receiver.strip_suffix('.').map_or("", |rest| {
                let rest = rest.trim_end();
                let last = |text: &'_ str| text.rfind(|c| !word(c)).map_or(0, |end| end + 1);
                let receiver = &rest[last(rest)..];
                // Of `stores.exchange().post(…)` it is what the call is named after, if that is one of ours.
                let made = rest.strip_suffix("()").map(|rest| &rest[last(rest)..]);
                let made = made.filter(|made| RECEIVERS.iter().any(|(known, _)| known == made));
                if receiver.is_empty() { made.unwrap_or(".") } else { receiver }
            });
            (!name.is_empty()).then_some((receiver, name, &text[at + 1..]))
        })
        .collect()
}

/// Whether the call is waited for of which this follows the opening parenthesis.
fn awaited(rest: &str) -> bool {
    let mut depth = 1_usize;
    let end = rest.char_indices().find(|(_, c)| {
        depth = match c {
            '(' => depth + 1,
            ')' => depth - 1,
            _ => depth,
        };
        depth == 0
    });
    end.is_some_and(|(at, _)| rest[at + 1..].trim_start().starts_with(".await"))
}

/// What a body asks of AWS by itself.
fn own_needs(body: &Body<'_>) -> BTreeSet<Need> {
    let mut needs = BTreeSet::new();
    let table = TABLES.iter().find(|(area, _)| *area == body.area).map_or("", |(_, table)| *table);
    for (_, name, rest) in calls(body.text) {
        if let Some((_, action)) = OPERATIONS.iter().find(|(operation, _)| *operation == name)
            && rest.starts_with(')')
        {
            let request = rest.split(".send()").next().unwrap_or_default();
            let on = match action.split_once(':') {
                Some(("cognito-idp", _)) => "UserPool".to_owned(),
                _ if *action == "dynamodb:Query" && request.contains(".index_name(") => format!("{table}/index"),
                _ => table.to_owned(),
            };
            needs.insert(((*action).to_owned(), on));
        }
    }
    for (part, action) in PARTS {
        for builder in [format!("{part}::builder()"), format!("{part}Builder::default()")] {
            for (at, _) in body.text.match_indices(&builder) {
                let whole = body.text[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric());
                let rest = body.text[at + builder.len()..].split("::builder()").next().unwrap_or_default();
                let on = if rest.contains("customers_table") { "CustomersTable" } else { table };
                if whole {
                    needs.insert(((*action).to_owned(), on.to_owned()));
                }
            }
        }
    }
    needs
}

/// What each function of `shared/aws` asks of AWS, by itself, through others of its module and through other modules.
fn needs(sources: &[Source]) -> BTreeMap<(String, String), BTreeSet<Need>> {
    let bodies = bodies(sources);
    let mut needs: BTreeMap<(String, String), BTreeSet<Need>> = BTreeMap::new();
    let mut edges: BTreeSet<((String, String), (String, String))> = BTreeSet::new();
    for body in &bodies {
        let from = key(body.area, body.name, body.method);
        needs.entry(from.clone()).or_default().extend(own_needs(body));
        for (receiver, name, rest) in calls(body.text) {
            let known = RECEIVERS.iter().find(|(known, _)| *known == receiver);
            let area = known.map_or(body.area, |(_, area)| area);
            let whose = ["", "self"].contains(&receiver) || known.is_some();
            let ours = whose || awaited(rest) || (receiver != "." && !COMMON.contains(&name));
            if ours {
                edges.insert((from.clone(), key(area, name, !receiver.is_empty())));
            }
        }
    }
    loop {
        let mut grown = false;
        for (from, to) in &edges {
            let more = needs.get(to).cloned().unwrap_or_default();
            let own = needs.entry(from.clone()).or_default();
            let before = own.len();
            own.extend(more);
            grown |= own.len() > before;
        }
        if !grown {
            return needs;
        }
    }
}

/// What a function needs for the calls that stand in its sources.
fn needed(sources: &[Source], needs: &BTreeMap<(String, String), BTreeSet<Need>>) -> BTreeSet<Need> {
    let mut found = BTreeSet::new();
    for (_, text) in sources {
        for (receiver, name, _) in calls(text.split("#[cfg(test)]").next().unwrap_or_default()) {
            for (_, area) in RECEIVERS.iter().filter(|(known, _)| *known == receiver) {
                found.extend(needs.get(&key(area, name, true)).into_iter().flatten().cloned());
            }
        }
    }
    found
}

/// What a function needs for the queues, secrets and phones that are made in its sources.
fn made(repository: &Repository, function: &Function, sources: &[Source]) -> BTreeSet<Need> {
    let shipped = |(_, text): &'_ Source| text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
    let text: String = sources.iter().map(shipped).collect();
    let makes = |what: &str| {
        let mut found = text.match_indices(what);
        found.any(|(at, _)| text[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric()))
    };
    let read = names::variables_read(&text);
    let named: Vec<&String> = read.iter().filter_map(|name| function.environment.get(name)).collect();
    let queues = repository.full.queues().iter().map(|queue| (SEND, &queue.url, &queue.logical_id));
    let secrets = repository.full.secrets().iter().map(|secret| (READ, &secret.arn, &secret.logical_id));
    let mut found: BTreeSet<Need> = queues
        .chain(secrets)
        .filter(|((constructor, _), value, _)| makes(constructor) && named.contains(value))
        .map(|((_, action), _, id)| (action.to_owned(), id.clone()))
        .collect();
    if makes(TEXT.0) {
        found.insert((TEXT.1.to_owned(), permissions::PHONE_NUMBERS.to_owned()));
    }
    found
}

/// What a function's role grants, in the same terms; logs, traces, keys, its own queue and its dead letters belong to the wiring.
fn granted(repository: &Repository, function: &Function) -> BTreeSet<Need> {
    let stack = &repository.full;
    let grants = permissions::grants(stack, &format!("{}Role", function.logical_id));
    let failures = queues::failures_of(function);
    grants
        .into_iter()
        .filter(|(action, _)| {
            ["dynamodb:", "cognito-idp:"].iter().any(|service| action.starts_with(service))
                || [SEND.1, READ.1, TEXT.1].contains(&action.as_str())
        })
        .filter(|(_, on)| !on.contains("/stream/") && !failures.contains(on))
        .map(|(action, on)| {
            let part = |arn: &String| {
                on.strip_prefix(arn.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            let of = stack.resources.values().find(|resource| resource.arn.as_ref().is_some_and(part));
            let index = if on.contains("/index/") { "/index" } else { "" };
            (action, format!("{}{index}", of.map_or(on.as_str(), |resource| resource.logical_id.as_str())))
        })
        .collect()
}

pub fn calls_are_granted_and_grants_are_used(repository: &Repository) -> Vec<String> {
    let needs = needs(&layout::sources("shared/aws"));
    let mut broken = Vec::new();
    for function in repository.full.functions() {
        let folder = &function.folder;
        let sources = layout::sources(&format!("functions/{folder}"));
        let needed: BTreeSet<Need> =
            needed(&sources, &needs).into_iter().chain(made(repository, function, &sources)).collect();
        let granted = granted(repository, function);
        broken.extend(
            needed
                .difference(&granted)
                .map(|(action, on)| format!("{folder} calls {action} on {on}, which its role does not grant")),
        );
        broken.extend(
            granted
                .difference(&needed)
                .map(|(action, on)| format!("{folder} is granted {action} on {on}, which it does not call")),
        );
    }
    broken
}

#[test]
fn calls_are_found_through_others_and_through_builders() {
    let source = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    let needs = needs(&[
        source("shared/aws/src/ledger/mod.rs", "impl Ledger { pub async fn one(&self) { self.get(k).await } async fn get(&self) { c.get_item().send() } }"),
        source(
            "shared/aws/src/ledger/write.rs",
            "impl Ledger { pub async fn post(&self) { put(Put::builder().table_name(&t)); check(ConditionCheck::builder().table_name(customers_table)) }
             pub async fn pages(&self) { c.query().index_name(i).send(); map.get(x); rows::one(x); e.err().one(); } }",
        ),
        source("shared/aws/src/vouchers/buy.rs", "impl Vouchers { pub async fn buy(&self, ledger: &Ledger) { ledger.post(Update::builder().table_name(&self.table)) } }"),
    ]);
    let in_module = |module: &str, name: &str| {
        needs[&key(module, name, true)].iter().map(|(action, on)| format!("{action} {on}")).collect::<Vec<_>>()
    };
    let of = |name: &str| in_module("ledger", name);
    assert_eq!(of("one"), ["dynamodb:GetItem LedgerTable"]);
    assert_eq!(of("post"), ["dynamodb:ConditionCheckItem CustomersTable", "dynamodb:PutItem LedgerTable"]);
    assert_eq!(of("pages"), ["dynamodb:Query LedgerTable/index"]);
    let both = ["dynamodb:ConditionCheckItem CustomersTable", "dynamodb:PutItem LedgerTable"];
    assert_eq!(in_module("vouchers", "buy"), [&both[..], &["dynamodb:UpdateItem VouchersTable"]].concat());
    let function =
        [source("functions/pay/src/lib.rs", "let x = bank.ledger.one(id).await?; providers.post(); // ledger.post()")];
    assert!(needed(&function, &needs).contains(&("dynamodb:GetItem".to_owned(), "LedgerTable".to_owned())));
    let function = [source("functions/pay/src/lib.rs", "bank.ledger().one(id).await?")];
    assert!(needed(&function, &needs).contains(&("dynamodb:GetItem".to_owned(), "LedgerTable".to_owned())));
}

#[test]
fn queues_secrets_and_phones_are_found_where_they_are_made() {
    let repository = Repository::here();
    let function = |id: &str| repository.full.functions().iter().find(|function| function.logical_id == id);
    let main = |text: &str| vec![("functions/x/src/main.rs".to_owned(), text.to_owned())];
    let of = |id: &str, text: &str| {
        let found = function(id).map(|function| made(&repository, function, &main(text))).unwrap_or_default();
        found.iter().map(|(action, on)| format!("{action} {on}")).collect::<Vec<_>>()
    };
    let text = "Queue::new(sqs, variable::required(\"VOUCHER_ORDER_QUEUE_URL\")?); KeySecret::new(variable::optional(\"PHONE_CODE_SECRET\"))";
    assert_eq!(of("Vouchers", text), ["sqs:SendMessage VoucherOrderQueue"]);
    let text = "aws::secrets::Secret::new(client, variable::optional(\"PHONE_CODE_SECRET\"))";
    assert_eq!(of("PhoneCodes", text), ["secretsmanager:GetSecretValue PhoneCodeKey"]);
    assert_eq!(of("SmsSend", "Phone::new(sns)"), ["sns:Publish all but arn:aws:sns:*:*:*"]);
    assert!(of("SmsSend", "#[cfg(test)] Phone::new(sns)").is_empty());
}
