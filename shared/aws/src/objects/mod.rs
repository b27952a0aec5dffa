//! Objects in a bucket. What is put under a key once is put under it again with the same content only, so any of this
//! may be repeated.

#[cfg(feature = "lake")]
mod records;

use aws_sdk_s3::{Client, error::SdkError, primitives::ByteStream};
use bytes::Bytes;
use domain::Timestamp;

use crate::{http, store::StoreError};

/// One bucket.
#[derive(Clone, Debug)]
pub struct Bucket {
    client: Client,
    name: String,
}

/// An object as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Object {
    /// Its key.
    pub key: String,
    /// Its bytes.
    pub size: u64,
    /// When it was put.
    pub put_at: Timestamp,
}

impl Bucket {
    /// The bucket of this name.
    pub fn new(client: Client, name: String) -> Self {
        Self { client, name }
    }

    /// Puts an object, in the place of one that is there. After an error it may have been put all the same.
    pub async fn put(&self, key: &str, body: impl Into<Bytes>) -> Result<(), StoreError> {
        let body = ByteStream::from(body.into());
        let put = self.client.put_object().bucket(&self.name).key(key).body(body).send().await;
        put.map(drop).map_err(failed)
    }

    /// An object's content; `None` if there is none.
    pub async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        match self.client.get_object().bucket(&self.name).key(key).send().await {
            Ok(answer) => match answer.body.collect().await {
                Ok(body) => Ok(Some(body.into_bytes())),
                Err(_) => Err(StoreError::Unavailable("object: its content broke off".to_owned())),
            },
            Err(SdkError::ServiceError(refused)) if refused.err().is_no_such_key() => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    /// All objects whose keys begin with this, by their keys.
    pub async fn list(&self, prefix: &str) -> Result<Vec<Object>, StoreError> {
        let (mut found, mut from) = (Vec::new(), None);
        loop {
            let list = self.client.list_objects_v2().bucket(&self.name).prefix(prefix).set_continuation_token(from);
            let answer = list.send().await.map_err(failed)?;
            for object in answer.contents.unwrap_or_default() {
                let put_at = object.last_modified.and_then(|at| at.to_millis().ok());
                found.push(Object {
                    key: object.key.ok_or_else(|| StoreError::corrupt("an object without a key"))?,
                    size: object.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default(),
                    put_at: Timestamp::from_millis(put_at.ok_or_else(|| StoreError::corrupt("an object's moment"))?),
                });
            }
            from = answer.next_continuation_token;
            if from.is_none() {
                found.sort();
                return Ok(found);
            }
        }
    }

    /// Deletes an object, if there is one.
    pub async fn remove(&self, key: &str) -> Result<(), StoreError> {
        self.client.delete_object().bucket(&self.name).key(key).send().await.map(drop).map_err(failed)
    }
}

fn failed<E, R>(error: SdkError<E, R>) -> StoreError
where
    E: aws_sdk_s3::error::ProvideErrorMetadata,
{
    StoreError::Unavailable(format!("object: {}", http::name(&error)))
}
