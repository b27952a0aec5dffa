//! One user pool on a loopback port, without the rest of the runner, for trying clients against it:
//! `cargo run -p local-cognito --example serve -- 4566 .local/cognito.sqlite`
//! Mails are shown at `/_local/mail`, newest first, as the runner shows them.

use std::error::Error;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::future::BoxFuture;
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use local_cognito::{Cognito, Hooks};
use serde_json::{Value, json};

#[derive(Default)]
struct Outbox(Mutex<Vec<Value>>);

impl Hooks for Outbox {
    fn trigger(&self, lambda_arn: &str, event: Value) -> BoxFuture<'static, Result<Value, String>> {
        println!("trigger {lambda_arn}: {event}");
        Box::pin(async move { Ok(event) })
    }

    fn mail(&self, to: &str, subject: &str, message: &str, code: Option<&str>) {
        let mail = json!({"to": to, "subject": subject, "message": message, "code": code});
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(0, mail);
    }

    fn sms(&self, to: &str, message: &str) {
        println!("sms to {to}: {message}");
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments.next().ok_or("usage: serve PORT FILE")?.parse()?;
    let file = arguments.next().ok_or("usage: serve PORT FILE")?;
    let (pool, client) = ("eu-west-1_standalone", "standaloneclient0000000000");
    let outbox = Arc::new(Outbox::default());
    let hooks = Arc::clone(&outbox) as Arc<dyn Hooks>;
    let cognito =
        Cognito::open(Path::new(&file), &format!("http://localhost:{port}"), "eu-west-1", "000000000000", hooks)?;
    cognito.ensure_pool(
        pool,
        &json!({
            "UsernameAttributes": ["email"], "UsernameConfiguration": {"CaseSensitive": false},
            "AutoVerifiedAttributes": ["email"], "MfaConfiguration": "OPTIONAL", "EnabledMfas": ["SOFTWARE_TOKEN_MFA"],
            "LambdaConfig": {"PostConfirmation": "arn:aws:lambda:eu-west-1:000000000000:function:confirmed"},
        }),
    )?;
    cognito.ensure_client(
        pool,
        client,
        &json!({
            "ExplicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
            "PreventUserExistenceErrors": "ENABLED",
        }),
    )?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!("http://localhost:{port} {pool} {client}");
    loop {
        let (stream, _) = listener.accept().await?;
        let (cognito, outbox) = (cognito.clone(), Arc::clone(&outbox));
        tokio::spawn(async move {
            let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                let (cognito, outbox) = (cognito.clone(), Arc::clone(&outbox));
                async move {
                    if request.uri().path() == "/_local/mail" {
                        let mails = json!(*outbox.0.lock().unwrap_or_else(PoisonError::into_inner));
                        return Ok(http::Response::new(Full::new(Bytes::from(mails.to_string()))));
                    }
                    let (parts, body) = request.into_parts();
                    let body = body.collect().await?.to_bytes();
                    let response = cognito.handle(http::Request::from_parts(parts, body)).await;
                    Ok::<_, hyper::Error>(response.map(Full::new))
                }
            });
            let connection = hyper::server::conn::http1::Builder::new();
            if let Err(error) = connection.serve_connection(TokioIo::new(stream), service).await {
                eprintln!("connection: {error}");
            }
        });
    }
}
