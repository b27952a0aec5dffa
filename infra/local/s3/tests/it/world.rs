//! Buckets in a temporary folder behind a plain HTTP server, and a client of the SDK.

use std::path::PathBuf;

use aws_credential_types::Credentials;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Region};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use local_s3::S3;
use tempfile::TempDir;

pub const BUCKET: &str = "florin-lake";

pub struct World {
    pub client: Client,
    pub s3: S3,
    pub folder: PathBuf,
    pub address: String,
    data: TempDir,
}

pub fn open(data: &TempDir) -> S3 {
    let s3 = S3::open(&data.path().join("s3"), &data.path().join("s3.db"), "eu-west-1").expect("opened");
    s3.ensure_bucket(BUCKET).expect("a bucket");
    s3
}

impl World {
    pub async fn new() -> Self {
        Self::over(tempfile::tempdir().expect("a folder")).await
    }

    /// As after a restart.
    pub async fn again(self) -> Self {
        Self::over(self.data).await
    }

    async fn over(data: TempDir) -> Self {
        let s3 = open(&data);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound").to_string();
        let served = s3.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let s3 = served.clone();
                let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                    let s3 = s3.clone();
                    async move {
                        let (parts, body) = request.into_parts();
                        let body = body.collect().await?.to_bytes();
                        let response = s3.handle(http::Request::from_parts(parts, body)).await;
                        Ok::<_, hyper::Error>(response.map(Full::new))
                    }
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .endpoint_url(format!("http://{address}"))
            .force_path_style(true)
            .credentials_provider(Credentials::new("local", "local", None, None, "test"))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        Self { client: Client::from_conf(config), s3, folder: data.path().join("s3"), address, data }
    }

    pub async fn put(&self, key: &str, body: &'static str) {
        let body = aws_sdk_s3::primitives::ByteStream::from_static(body.as_bytes());
        self.client.put_object().bucket(BUCKET).key(key).body(body).send().await.expect("put");
    }

    pub async fn get(&self, key: &str) -> Option<String> {
        let got = self.client.get_object().bucket(BUCKET).key(key).send().await.ok()?;
        let bytes = got.body.collect().await.expect("the body").into_bytes();
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// A request as it is written: status and body.
    pub async fn raw(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> (u16, String) {
        let client = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build_http();
        let mut request = http::Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into())).expect("a request");
        let response = client.request(request).await.expect("an answer");
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        (status, String::from_utf8_lossy(&body).into_owned())
    }
}
