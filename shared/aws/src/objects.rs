//! Objects in a bucket. What is put under a key once is put under it again with the same content only, so any of this
//! may be repeated.

use aws_sdk_s3::{Client, error::SdkError};
use domain::Timestamp;

use crate::{http, store::StoreError};

/// One bucket.
#[derive(Clone, Debug)]
pub struct Bucket {
    client: Client,
    name: String,
}

/// What is told of an object without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Another one for another content.
    pub etag: String,
    /// When it was put, to the second.
    pub put_at: Timestamp,
}

impl Bucket {
    /// The bucket of this name.
    pub fn new(client: Client, name: String) -> Self {
        Self { client, name }
    }

    /// What is told of an object; `None` if there is none.
    pub async fn head(&self, key: &str) -> Result<Option<Head>, StoreError> {
        match self.client.head_object().bucket(&self.name).key(key).send().await {
            Ok(answer) => {
                let put_at = answer.last_modified.and_then(|at| at.to_millis().ok()).map(Timestamp::from_millis);
                let etag = answer.e_tag.zip(put_at).map(|(etag, put_at)| Head { etag, put_at });
                etag.map(Some).ok_or_else(|| StoreError::corrupt("an object without a tag or a moment"))
            }
            Err(SdkError::ServiceError(refused)) if refused.err().is_not_found() => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }
}

fn failed<E, R>(error: SdkError<E, R>) -> StoreError
where
    E: aws_sdk_s3::error::ProvideErrorMetadata,
{
    StoreError::Unavailable(format!("object: {}", http::name(&error)))
}
