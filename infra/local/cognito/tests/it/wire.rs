//! The AWS SDK against the stand-in over a loopback socket, and requests no SDK would send.

use std::convert::Infallible;
use std::sync::Arc;

use aws_sdk_cognitoidentityprovider as sdk;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use sdk::error::ProvideErrorMetadata;
use sdk::types::{AttributeType, AuthFlowType, ChallengeNameType};
use serde_json::{Value, json};

use crate::harness::*;

/// Serves the world on a free port and answers an SDK client for it.
async fn served(world: &Arc<World>) -> sdk::Client {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let world = Arc::clone(world);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let cognito = world.cognito.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                    let cognito = cognito.clone();
                    async move {
                        let (parts, body) = request.into_parts();
                        let body = body.collect().await.unwrap().to_bytes();
                        let response = cognito.handle(http::Request::from_parts(parts, body)).await;
                        Ok::<_, Infallible>(response.map(Full::new))
                    }
                });
                let _ =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    let config = sdk::Config::builder()
        .behavior_version(sdk::config::BehaviorVersion::latest())
        .region(sdk::config::Region::new("eu-west-1"))
        .credentials_provider(sdk::config::Credentials::new("local", "local", None, None, "test"))
        .endpoint_url(format!("http://{address}"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    sdk::Client::from_conf(config)
}

fn email(value: &str) -> AttributeType {
    AttributeType::builder().name("email").value(value).build().unwrap()
}

#[tokio::test]
async fn the_sdk_reads_answers_and_errors() {
    let world = Arc::new(World::new());
    let client = served(&world).await;
    let sign_up = client
        .sign_up()
        .client_id(CLIENT)
        .username("alice@example.com")
        .password(PASSWORD)
        .user_attributes(email("alice@example.com"))
        .send()
        .await
        .unwrap();
    assert_eq!(sign_up.code_delivery_details().unwrap().destination(), Some("a***@e***"));
    let initiate = || {
        client
            .initiate_auth()
            .client_id(CLIENT)
            .auth_flow(AuthFlowType::UserPasswordAuth)
            .auth_parameters("USERNAME", "alice@example.com")
            .auth_parameters("PASSWORD", PASSWORD)
            .send()
    };
    let error = initiate().await.unwrap_err().into_service_error();
    assert!(error.is_user_not_confirmed_exception(), "{error:?}");
    assert_eq!(error.message(), Some("User is not confirmed."));
    client
        .confirm_sign_up()
        .client_id(CLIENT)
        .username("alice@example.com")
        .confirmation_code(world.last_code())
        .send()
        .await
        .unwrap();
    let tokens = initiate().await.unwrap().authentication_result.unwrap();
    assert_eq!(tokens.token_type(), Some("Bearer"));
    let user = client.get_user().access_token(tokens.access_token().unwrap()).send().await.unwrap();
    assert_eq!(user.username(), sign_up.user_sub());
    client.global_sign_out().access_token(tokens.access_token().unwrap()).send().await.unwrap();
    let error = client.get_user().access_token(tokens.access_token().unwrap()).send().await.unwrap_err();
    assert!(error.into_service_error().is_not_authorized_exception());
}

#[tokio::test]
async fn the_sdk_administers_users_and_groups() {
    let world = Arc::new(World::new());
    let client = served(&world).await;
    client.create_group().user_pool_id(POOL).group_name("staff").precedence(20).send().await.unwrap();
    let error = client.create_group().user_pool_id(POOL).group_name("staff").send().await.unwrap_err();
    assert!(error.into_service_error().is_group_exists_exception());
    let created = client
        .admin_create_user()
        .user_pool_id(POOL)
        .username("staff@example.com")
        .user_attributes(email("staff@example.com"))
        .temporary_password("Temporary-1")
        .send()
        .await
        .unwrap();
    let created = created.user().unwrap();
    assert_eq!(created.user_create_date().unwrap().secs(), world.now());
    client
        .admin_add_user_to_group()
        .user_pool_id(POOL)
        .username("staff@example.com")
        .group_name("staff")
        .send()
        .await
        .unwrap();
    let challenge = client
        .initiate_auth()
        .client_id(CLIENT)
        .auth_flow(AuthFlowType::UserPasswordAuth)
        .auth_parameters("USERNAME", "staff@example.com")
        .auth_parameters("PASSWORD", "Temporary-1")
        .send()
        .await
        .unwrap();
    assert_eq!(challenge.challenge_name(), Some(&ChallengeNameType::NewPasswordRequired));
    client
        .respond_to_auth_challenge()
        .client_id(CLIENT)
        .challenge_name(ChallengeNameType::NewPasswordRequired)
        .session(challenge.session().unwrap())
        .challenge_responses("USERNAME", "staff@example.com")
        .challenge_responses("NEW_PASSWORD", PASSWORD)
        .send()
        .await
        .unwrap();
    let listed = client.list_users().user_pool_id(POOL).filter("email = \"staff@example.com\"").send().await.unwrap();
    assert_eq!(listed.users()[0].username(), created.username());
    let members = client.list_users_in_group().user_pool_id(POOL).group_name("staff").send().await.unwrap();
    assert_eq!(members.users().len(), 1);
    let error = client.admin_get_user().user_pool_id(POOL).username("nobody").send().await.unwrap_err();
    assert!(error.into_service_error().is_user_not_found_exception());
    let described = client.describe_user_pool().user_pool_id(POOL).send().await.unwrap();
    assert_eq!(described.user_pool().unwrap().schema_attributes()[0].name(), Some("email"));
    let described = client.describe_user_pool_client().user_pool_id(POOL).client_id(CLIENT).send().await.unwrap();
    assert_eq!(described.user_pool_client().unwrap().access_token_validity(), Some(15));
}

async fn raw(world: &World, operation: &str, signed: bool, body: &[u8]) -> (u16, Value) {
    let mut request = http::Request::post("/").header("x-amz-target", operation);
    if signed {
        request = request.header("authorization", "AWS4-HMAC-SHA256 Credential=x");
    }
    let response = world.cognito.handle(request.body(Bytes::copy_from_slice(body)).unwrap()).await;
    (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap())
}

#[tokio::test]
async fn requests_no_sdk_would_send_are_refused_by_name() {
    let world = World::new();
    let target = |operation: &str| format!("AWSCognitoIdentityProviderService.{operation}");
    let large = vec![b' '; 600 * 1024];
    for (operation, signed, body, name) in [
        (target("SignUp"), false, &b"not json"[..], "SerializationException"),
        (target("SignUp"), false, b"", "SerializationException"),
        (target("SignUp"), false, b"[]", "SerializationException"),
        (target("SignUp"), false, b"{\"ClientId\": 7}", "SerializationException"),
        (target("SignUp"), false, b"\xff\xfe", "SerializationException"),
        (target("SignUp"), false, b"{}", "InvalidParameterException"),
        (target("SignUp"), false, &large, "SerializationException"),
        (target("NoSuchThing"), true, b"{}", "UnknownOperationException"),
        ("DynamoDB_20120810.GetItem".to_owned(), true, b"{}", "UnknownOperationException"),
        (target("AdminGetUser"), false, b"{}", "MissingAuthenticationTokenException"),
        (target("ListUsers"), false, b"{}", "MissingAuthenticationTokenException"),
        (target("AdminGetUser"), true, b"{}", "InvalidParameterException"),
    ] {
        let (status, answer) = raw(&world, &operation, signed, body).await;
        assert_eq!((status, answer["__type"].as_str()), (400, Some(name)), "{operation}");
    }
}

#[tokio::test]
async fn odd_user_names_are_refused_and_change_nothing() {
    let world = World::new();
    let long = "a".repeat(129);
    for username in
        ["", " ", "a b@example.com", "a\u{0}@example.com", long.as_str(), "a@b", "@example.com", "a@@example.com"]
    {
        let body = json!({"ClientId": CLIENT, "Username": username, "Password": PASSWORD});
        refused_as(world.call("SignUp", body).await, "InvalidParameterException");
    }
    let pool = world.call("DescribeUserPool", json!({"UserPoolId": POOL})).await.unwrap();
    assert_eq!(pool["UserPool"]["EstimatedNumberOfUsers"], 0);
}
