//! One request on one connection of HTTP/1.1: connected in time, answered in time and in size. Follows no redirect and
//! knows no proxy, and never sends a request twice.

use std::{future::poll_fn, time::Duration};

use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{
    client::conn::http1,
    rt::{Read, Write},
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use tokio::time::{Instant, timeout_at};
use tower_service::Service;

use crate::{CallError, Cause};

/// A connection, with its TLS, that does not come about in this time will not.
const CONNECT: Duration = Duration::from_secs(3);
/// Longest status line and header section.
const HEAD_LIMIT: usize = 16 * 1024;
/// Most header fields.
const HEADERS: usize = 64;
/// Longest body.
const BODY_LIMIT: usize = 16 * 1024;

/// Makes connections.
#[derive(Clone)]
pub(crate) struct Connector {
    connector: HttpsConnector<HttpConnector>,
    deadline: Duration,
}

impl Connector {
    /// Trusts Mozilla's root certificates. `deadline` is for a call as a whole.
    pub(crate) fn new(deadline: Duration) -> Result<Self, String> {
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let tls = ClientConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        // Shared among the addresses of a name, so that one that is mute does not cost the others their try.
        tcp.set_connect_timeout(Some(CONNECT.min(deadline)));
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(tcp);
        Ok(Self { connector, deadline })
    }

    pub(crate) fn deadline(&self) -> Duration {
        self.deadline
    }

    pub(crate) fn within(&self, time: Duration) -> Self {
        Self { connector: self.connector.clone(), deadline: time.min(self.deadline) }
    }

    /// Sends the request to whoever answers at `uri`; the status and the whole body of the answer.
    pub(crate) async fn call(&self, uri: Uri, request: Request<Full<Bytes>>) -> Result<(u16, Bytes), CallError> {
        let begun = Instant::now();
        let mut connector = self.connector.clone();
        let connecting = async {
            poll_fn(|context| connector.poll_ready(context)).await?;
            // TLS sends nothing of the request before its handshake is done.
            connector.call(uri).await
        };
        let connecting = timeout_at(begun + CONNECT.min(self.deadline), connecting).await;
        let connection = connecting.map_err(|_| CallError::NotSent(Cause::ConnectTimeout))?;
        let connection = connection.map_err(|_| CallError::NotSent(Cause::Unreachable))?;
        let answered = timeout_at(begun + self.deadline, exchange(connection, request)).await;
        answered.unwrap_or(Err(Cause::Timeout)).map_err(CallError::Unknown)
    }
}

/// From here on the request may have arrived, whatever happens.
async fn exchange<C>(connection: C, request: Request<Full<Bytes>>) -> Result<(u16, Bytes), Cause>
where
    C: Read + Write + Unpin + Send + 'static,
{
    let mut http = http1::Builder::new();
    http.max_buf_size(HEAD_LIMIT).max_headers(HEADERS);
    let (mut sender, connection) = http.handshake(connection).await.map_err(broken)?;
    let answer = async {
        let (head, body) = sender.send_request(request).await.map_err(broken)?.into_parts();
        let body = Limited::new(body, BODY_LIMIT).collect().await;
        let body = body
            .map_err(|error| if error.is::<LengthLimitError>() { Cause::TooLarge } else { Cause::Broken })?
            .to_bytes();
        Ok((head.status.as_u16(), body))
    };
    let (mut answer, mut connection) = (std::pin::pin!(answer), std::pin::pin!(connection));
    // The connection moves the bytes. It may end before the answer has been taken from it.
    tokio::select! {
        answer = &mut answer => return answer,
        _ = &mut connection => {}
    }
    answer.await
}

fn broken(error: hyper::Error) -> Cause {
    if error.is_parse_too_large() { Cause::TooLarge } else { Cause::Broken }
}
