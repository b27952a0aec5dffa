//! A client of the public API over one kept-alive connection.

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// One client.
pub struct Client {
    authority: String,
    base: String,
    token: Option<String>,
    connection: SendRequest<Full<Bytes>>,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body, `null` if it is not JSON.
    pub body: Value,
}

impl Answer {
    /// The problem's `code`; of an answer that has none, its status.
    pub fn code(&self) -> String {
        self.body["code"].as_str().map_or_else(|| self.status.to_string(), str::to_owned)
    }

    /// The body, if the status is this one.
    pub fn expect(self, status: u16) -> Result<Value> {
        if self.status == status {
            Ok(self.body)
        } else {
            bail!("answered {} instead of {status}: {}", self.status, self.body)
        }
    }
}

impl Client {
    /// Connects to a base address such as `http://localhost:3000/v1`.
    pub async fn connect(base: &str, token: Option<&str>) -> Result<Self> {
        let rest = base.strip_prefix("http://").context("a base address begins with http://")?;
        let (authority, path) =
            rest.split_once('/').map_or((rest, String::new()), |(authority, path)| (authority, format!("/{path}")));
        let stream = TcpStream::connect(authority).await.with_context(|| authority.to_owned())?;
        stream.set_nodelay(true)?;
        let (connection, driver) = handshake(TokioIo::new(stream)).await?;
        // Ends with the connection; an error shows at the next request.
        tokio::spawn(driver);
        Ok(Self { authority: authority.to_owned(), base: path, token: token.map(str::to_owned), connection })
    }

    /// GET.
    pub async fn get(&mut self, path: &str) -> Result<Answer> {
        self.send("GET", path, &[], Bytes::new()).await
    }

    /// DELETE.
    pub async fn delete(&mut self, path: &str) -> Result<Answer> {
        self.send("DELETE", path, &[], Bytes::new()).await
    }

    /// POST of JSON, with an idempotency key if one is given.
    pub async fn post(&mut self, path: &str, key: Option<&str>, body: &Value) -> Result<Answer> {
        let key = key.map(|key| ("Idempotency-Key", key));
        self.post_with(path, key.as_slice(), body).await
    }

    /// POST of JSON with these headers.
    pub async fn post_with(&mut self, path: &str, headers: &[(&str, &str)], body: &Value) -> Result<Answer> {
        self.send("POST", path, headers, Bytes::from(serde_json::to_vec(body)?)).await
    }

    /// Any request.
    pub async fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: Bytes) -> Result<Answer> {
        let mut request =
            Request::builder().method(method).uri(format!("{}{path}", self.base)).header(header::HOST, &self.authority);
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.connection.ready().await?;
        let response = self.connection.send_request(request.body(Full::new(body))?).await?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await?.to_bytes();
        Ok(Answer { status, body: serde_json::from_slice(&body).unwrap_or_default() })
    }
}
