//! HTTP/1.1 over rustls with ring, for the SDK clients.
//!
//! The SDK's default client links HTTP/2 and its state machines into every function, 400 kB that no service here
//! speaks. This one hands requests to the same hyper underneath, without it.

use std::{fmt, time::Duration};

#[cfg(any(feature = "cognito", feature = "sqs", feature = "sns", feature = "secrets"))]
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::body::SdkBody;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, Error, connect},
    rt::{TokioExecutor, TokioTimer},
};
use rustls::{ClientConfig, RootCertStore, crypto::ring};

/// A connection that does not come about in this time will not.
const CONNECT: Duration = Duration::from_secs(1);
/// Idle connections are closed before the services close them.
const IDLE: Duration = Duration::from_secs(15);

/// The client; clones share its connections.
#[derive(Clone)]
pub(crate) struct Http(Client<HttpsConnector<connect::HttpConnector>, SdkBody>);

impl Http {
    /// Trusts Mozilla's root certificates, which AWS's are among, built in.
    pub(crate) fn new() -> Result<Self, String> {
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let tls = ClientConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut tcp = connect::HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT));
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(connector);
        Ok(Self(client))
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Http")
    }
}

impl HttpConnector for Http {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.clone();
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            let response = client.request(request).await.map_err(failed)?;
            HttpResponse::try_from(response.map(SdkBody::from_body_1_x))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

impl HttpClient for Http {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

/// What went wrong between us and a service, by kind: its own words may hold what was sent.
#[cfg(any(feature = "cognito", feature = "sqs", feature = "sns", feature = "secrets"))]
pub(crate) fn kind<E, R>(error: &SdkError<E, R>) -> &'static str {
    match error {
        SdkError::ConstructionFailure(_) => "the request could not be made",
        SdkError::TimeoutError(_) => "no answer in time",
        SdkError::DispatchFailure(_) => "not reached",
        _ => "an answer that does not read",
    }
}

/// The service's name for its error, or the kind of what went wrong on the way. Never its message.
#[cfg(any(feature = "sqs", feature = "sns", feature = "secrets"))]
pub(crate) fn name<E, R>(error: &SdkError<E, R>) -> String
where
    E: aws_smithy_types::error::metadata::ProvideErrorMetadata,
{
    match error {
        SdkError::ServiceError(context) => context.err().code().unwrap_or("unknown error").to_owned(),
        error => kind(error).to_owned(),
    }
}

/// Whether no byte of the request has left this machine.
#[cfg(feature = "sns")]
pub(crate) fn never_left<E, R>(error: &SdkError<E, R>) -> bool {
    let connecting = |error: &ConnectorError| {
        let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<Error>());
        source.is_some_and(Error::is_connect)
    };
    match error {
        SdkError::ConstructionFailure(_) => true,
        SdkError::DispatchFailure(failure) => failure.as_connector_error().is_some_and(connecting),
        _ => false,
    }
}

/// Whatever goes wrong on the way is worth another try; the SDK counts them. Each request of ours may be repeated.
fn failed(error: Error) -> ConnectorError {
    ConnectorError::io(error.into())
}
