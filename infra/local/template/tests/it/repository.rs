//! The repository's own `template.yaml` loads, and says what the runner relies on.

use std::path::Path;

use local_template::{Event, Options, Stack, load};

fn stack(parameters: &[(&str, &str)]) -> Stack {
    let mut options = Options::local("http://localhost:4566");
    let given = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    options.parameters.extend(given);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../template.yaml");
    load(&path, &options).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_template_of_this_repository_loads_as_a_laptop_runs_it() {
    let stack = stack(&[]);
    let transfers = stack.functions().iter().find(|function| function.folder == "transfers").expect("transfers");
    assert_eq!(transfers.name, "florin-transfers");
    assert_eq!(transfers.environment["LEDGER_TABLE"], "florin-LedgerTable");
    assert_eq!(transfers.environment["SELF_SERVICE_DEPOSITS"], "true");
    assert!(!transfers.environment.contains_key("AWS_ENDPOINT_URL"), "the runner sets it itself");
    let routes = stack.functions().iter().flat_map(|function| &function.events);
    assert!(routes.filter(|event| matches!(event, Event::Api(_))).count() >= 40);
    let api = stack.api().expect("an API");
    assert_eq!((api.stage.as_str(), api.default_authorizer.as_deref()), ("v1", Some("Cognito")));
    assert_eq!(stack.user_pool_clients().len(), 2, "customers and a partner");
    let ledger = stack.tables().iter().find(|table| table.logical_id == "LedgerTable").expect("LedgerTable");
    assert_eq!(ledger.ttl_attribute.as_deref(), Some("ttl"));
    assert_eq!(ledger.create_table["StreamSpecification"]["StreamEnabled"], true);
    assert!(stack.nested.is_empty(), "alarms are prod's");
}

#[test]
fn the_template_of_this_repository_loads_with_everything_switched_on() {
    let stack = stack(&[
        ("Stage", "prod"),
        ("AccessLogs", "true"),
        ("WebAcl", "true"),
        ("KmsKeyArn", "arn:aws:kms:eu-west-1:000000000000:key/k"),
        ("HostedUiDomain", "florin-test"),
        ("GoogleClientId", "g"),
        ("FacebookAppId", "f"),
        ("GitHubIssuer", "https://github.example.com"),
        ("SesIdentityArn", "arn:aws:ses:eu-west-1:000000000000:identity/example.com"),
        ("EndpointUrl", "http://localhost:4566"),
    ]);
    let function =
        |folder: &str| stack.functions().iter().find(|function| function.folder == folder).expect("it exists");
    assert_eq!(function("auth").environment["GOOGLE_SIGN_IN"], "true");
    assert_eq!(function("auth").environment["HOSTED_UI_URL"], "https://florin-test.auth.eu-west-1.amazoncognito.com");
    assert_eq!(function("transfers").environment["SELF_SERVICE_DEPOSITS"], "false");
    assert_eq!(function("transfers").environment["AWS_ENDPOINT_URL"], "http://localhost:4566");
    assert!(stack.nested["Observability"].resources.contains_key("TransfersErrors"));
}

#[test]
fn purchases_need_a_supplier_and_phone_codes_their_secret() {
    let variables = |stack: &Stack, folder: &str| {
        let function = stack.functions().iter().find(|function| function.folder == folder);
        function.expect("it exists").environment.clone()
    };
    let plain = stack(&[]);
    let key = plain.secrets().first().expect("PhoneCodeKey");
    assert_eq!(variables(&plain, "vouchers")["VOUCHER_SALES"], "false");
    assert_eq!(variables(&plain, "vouchers")["PHONE_CODE_SECRET"], key.arn);
    assert!(key.value.is_none() && key.generate.is_some(), "its value is drawn, not written");
    let other = stack(&[("VoucherSupplierUrl", "https://supplier.example.com"), ("PhoneAccess", "false")]);
    assert_eq!(variables(&other, "vouchers")["VOUCHER_SALES"], "true");
    assert_eq!(variables(&other, "vouchers-order")["SUPPLIER_URL"], "https://supplier.example.com");
    assert_eq!(variables(&other, "phone-codes")["PHONE_CODE_SECRET"], "");
    assert!(other.secrets().is_empty(), "what is switched off costs nothing");
}
