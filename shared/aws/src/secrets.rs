//! Secrets: read when first needed and then kept for the life of the environment, never logged.

use std::fmt;

use aws_sdk_secretsmanager::Client;
use tokio::sync::OnceCell;

use crate::{http, store::StoreError};

/// One secret of Secrets Manager. A new value reaches an environment that has read the old one only when Lambda
/// replaces it; a deployment replaces them all.
pub struct Secret {
    client: Client,
    id: String,
    value: OnceCell<String>,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Secret {
    /// The secret with this name or ARN.
    pub fn new(client: Client, id: String) -> Self {
        Self { client, id, value: OnceCell::new() }
    }

    /// Its current value. A failed reading is tried again at the next call.
    pub async fn value(&self) -> Result<&str, StoreError> {
        self.value.get_or_try_init(|| self.read()).await.map(String::as_str)
    }

    async fn read(&self) -> Result<String, StoreError> {
        let answer = self.client.get_secret_value().secret_id(&self.id).send().await;
        let answer = answer.map_err(|error| StoreError::Unavailable(format!("secret: {}", http::name(&error))))?;
        answer.secret_string.filter(|value| !value.is_empty()).ok_or_else(|| StoreError::corrupt("secret"))
    }
}
