use serde_json::{Value, json};

use super::*;

struct Bench {
    secrets: Secrets,
    folder: tempfile::TempDir,
}

fn bench() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    Bench { secrets: open(&folder), folder }
}

fn open(folder: &tempfile::TempDir) -> Secrets {
    Secrets::open(&folder.path().join("secrets.db"), "000000000000", "eu-central-1").unwrap()
}

fn call(secrets: &Secrets, operation: &str, body: Value) -> Result<Value, &'static str> {
    secrets.dispatch(operation, &Bytes::from(body.to_string())).map_err(|error| error.code)
}

#[test]
fn a_new_value_becomes_current_and_the_old_one_previous() {
    let Bench { secrets, .. } = &bench();
    let created = call(secrets, "CreateSecret", json!({ "Name": "app/key", "SecretString": "one" })).unwrap();
    assert!(
        created["ARN"]
            .as_str()
            .unwrap()
            .starts_with("arn:aws:secretsmanager:eu-central-1:000000000000:secret:app/key-")
    );
    let put = json!({ "SecretId": "app/key", "SecretString": "two", "ClientRequestToken": "second" });
    let again = [put.clone(), put].map(|put| call(secrets, "PutSecretValue", put).unwrap());
    assert_eq!(again[0], again[1], "a repeated request changes nothing");
    assert_eq!(again[0]["VersionStages"], json!(["AWSCURRENT"]));
    let get = |id: &Value| call(secrets, "GetSecretValue", id.clone()).map(|value| value["SecretString"].clone());
    assert_eq!(get(&json!({ "SecretId": created["ARN"] })), Ok(json!("two")));
    assert_eq!(get(&json!({ "SecretId": "app/key", "VersionStage": "AWSPREVIOUS" })), Ok(json!("one")));
    assert_eq!(get(&json!({ "SecretId": "app/key", "VersionId": created["VersionId"] })), Ok(json!("one")));
    assert_eq!(get(&json!({ "SecretId": "app/key", "VersionId": "second" })), Ok(json!("two")));
    let described = call(secrets, "DescribeSecret", json!({ "SecretId": "app/key" })).unwrap();
    assert_eq!(described["VersionIdsToStages"]["second"], json!(["AWSCURRENT"]));
    assert_eq!(described["VersionIdsToStages"][created["VersionId"].as_str().unwrap()], json!(["AWSPREVIOUS"]));
}

#[test]
fn refusals_have_the_names_of_the_service() {
    let Bench { secrets, .. } = &bench();
    let taken = json!({ "Name": "taken", "SecretString": "x", "ClientRequestToken": "t" });
    call(secrets, "CreateSecret", taken.clone()).unwrap();
    call(secrets, "CreateSecret", taken).unwrap();
    for (operation, body, code) in [
        ("GetSecretValue", json!({ "SecretId": "none" }), "ResourceNotFoundException"),
        ("GetSecretValue", json!({ "SecretId": "taken", "VersionStage": "X" }), "ResourceNotFoundException"),
        ("GetSecretValue", json!({ "SecretId": "taken", "VersionId": "X" }), "ResourceNotFoundException"),
        ("PutSecretValue", json!({ "SecretId": "none", "SecretString": "x" }), "ResourceNotFoundException"),
        ("PutSecretValue", json!({ "SecretId": "taken" }), "InvalidParameterException"),
        (
            "PutSecretValue",
            json!({ "SecretId": "taken", "SecretString": "x", "SecretBinary": "eA==" }),
            "InvalidParameterException",
        ),
        (
            "PutSecretValue",
            json!({ "SecretId": "taken", "SecretString": "y", "ClientRequestToken": "t" }),
            "ResourceExistsException",
        ),
        ("CreateSecret", json!({ "Name": "taken", "SecretString": "y" }), "ResourceExistsException"),
        ("CreateSecret", json!({ "Name": "a b" }), "ValidationException"),
        ("DescribeSecret", json!({ "SecretId": "none" }), "ResourceNotFoundException"),
        ("RotateSecret", json!({}), "UnknownOperationException"),
    ] {
        assert_eq!(call(secrets, operation, body.clone()), Err(code), "{operation} {body}");
    }
}

#[test]
fn a_generated_value_is_drawn_once_and_kept() {
    let bench = bench();
    let arn = "arn:aws:secretsmanager:eu-central-1:000000000000:secret:florin-CodeKey-abc123";
    let rules = json!({
        "SecretString": null,
        "GenerateSecretString": { "PasswordLength": 40, "ExcludePunctuation": true, "SecretStringTemplate": "{\"alg\":\"HS256\"}", "GenerateStringKey": "key" },
    });
    let value = |secrets: &Secrets| {
        secrets.ensure_secret("florin-CodeKey", arn, &rules).unwrap();
        call(secrets, "GetSecretValue", json!({ "SecretId": arn })).unwrap()["SecretString"].clone()
    };
    let first = value(&bench.secrets);
    assert_eq!(value(&open(&bench.folder)), first);
    let parsed: Value = serde_json::from_str(first.as_str().unwrap()).unwrap();
    assert_eq!(parsed["alg"], "HS256");
    let key = parsed["key"].as_str().unwrap();
    assert_eq!(key.len(), 40);
    assert!(key.chars().all(|c| c.is_ascii_alphanumeric()));
}

#[test]
fn a_declared_value_follows_the_template() {
    let Bench { secrets, .. } = &bench();
    let value = || call(secrets, "GetSecretValue", json!({ "SecretId": "s" })).unwrap();
    secrets
        .ensure_secret("s", "arn:aws:secretsmanager:r:a:secret:s-111111", &json!({ "SecretString": "one" }))
        .unwrap();
    let first = value();
    secrets
        .ensure_secret("s", "arn:aws:secretsmanager:r:a:secret:s-111111", &json!({ "SecretString": "one" }))
        .unwrap();
    assert_eq!(value()["VersionId"], first["VersionId"]);
    secrets
        .ensure_secret("s", "arn:aws:secretsmanager:r:a:secret:s-222222", &json!({ "SecretString": "two" }))
        .unwrap();
    assert_eq!(value()["SecretString"], "two");
    assert_eq!(value()["ARN"], "arn:aws:secretsmanager:r:a:secret:s-222222");
}

#[test]
fn passwords_keep_their_rules() {
    let draw = |rules: Value| generate::password(rules.as_object().unwrap());
    for _ in 0..50 {
        let password = draw(json!({ "PasswordLength": 4 })).unwrap();
        assert!(password.chars().any(|c| c.is_ascii_lowercase()), "{password}");
        assert!(password.chars().any(|c| c.is_ascii_uppercase()), "{password}");
        assert!(password.chars().any(|c| c.is_ascii_digit()), "{password}");
        assert!(password.chars().any(|c| c.is_ascii_punctuation()), "{password}");
    }
    let only = json!({ "ExcludeLowercase": true, "ExcludeUppercase": true, "ExcludePunctuation": "true", "ExcludeCharacters": "01234567", "PasswordLength": "12" });
    let password = draw(only).unwrap();
    assert!(password.len() == 12 && password.chars().all(|c| c == '8' || c == '9'), "{password}");
    assert!(draw(json!({ "PasswordLength": 3 })).is_err());
    assert!(draw(json!({ "PasswordLength": 0 })).is_err());
    assert_ne!(draw(json!({})).unwrap(), draw(json!({})).unwrap());
}

#[test]
fn lists_come_in_pages() {
    let Bench { secrets, .. } = &bench();
    for name in ["a", "b", "c"] {
        call(secrets, "CreateSecret", json!({ "Name": name, "SecretBinary": "eA==" })).unwrap();
    }
    let first = call(secrets, "ListSecrets", json!({ "MaxResults": 2 })).unwrap();
    let second = call(secrets, "ListSecrets", json!({ "MaxResults": 2, "NextToken": first["NextToken"] })).unwrap();
    let names = |page: &Value| -> Vec<Value> {
        page["SecretList"].as_array().unwrap().iter().map(|entry| entry["Name"].clone()).collect()
    };
    assert_eq!((names(&first), names(&second)), (vec![json!("a"), json!("b")], vec![json!("c")]));
    assert_eq!(second.get("NextToken"), None);
}
