//! Pools and clients in memory, parsed once: what every request looks up before anything else.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use serde_json::Value;

use crate::config::{ClientProperties, Mfa, PoolProperties};
use crate::keys::PoolKeys;
use crate::refusal::{Refusal, resource_not_found};
use crate::{SetupError, UserPools};

#[derive(Default)]
pub(crate) struct Directory {
    pub pools: HashMap<String, Arc<Pool>>,
    pub clients: HashMap<String, Arc<Client>>,
}

pub(crate) struct Pool {
    pub id: String,
    pub arn: String,
    pub issuer: String,
    pub properties: PoolProperties,
    /// As the template gave them, for `DescribeUserPool`.
    pub raw: Value,
    pub keys: PoolKeys,
    pub created: i64,
    pub modified: i64,
}

pub(crate) struct Client {
    pub id: String,
    pub pool_id: String,
    pub secret: Option<String>,
    pub properties: ClientProperties,
    pub raw: Value,
    pub created: i64,
    pub modified: i64,
}

impl Pool {
    /// The pool's part of its id after the region, which is in every SRP proof.
    pub fn short_id(&self) -> &str {
        self.id.split_once('_').map_or(self.id.as_str(), |(_, short)| short)
    }

    /// The form in which names are compared.
    pub fn normalise(&self, name: &str) -> String {
        if self.properties.case_sensitive() { name.to_owned() } else { name.to_lowercase() }
    }

    /// Whether this attribute is a user name here.
    pub fn signs_in_with(&self, attribute: &str) -> bool {
        self.properties.username_attributes.iter().any(|name| name == attribute)
    }

    /// Whether user names are generated and users sign in with e-mail or phone.
    pub fn generates_usernames(&self) -> bool {
        !self.properties.username_attributes.is_empty()
    }

    pub fn software_token_enabled(&self) -> bool {
        self.properties.mfa_configuration != Mfa::Off
    }
}

impl UserPools {
    /// Reads what an earlier run left.
    pub fn load_directory(&self) -> Result<(), SetupError> {
        let (pools, clients) = self.store.read(|connection| {
            Ok((crate::store::directory::pools(connection)?, crate::store::directory::clients(connection)?))
        })?;
        for row in pools {
            self.install_pool(row)?;
        }
        for row in clients {
            self.install_client(row)?;
        }
        Ok(())
    }

    pub fn pool(&self, pool_id: &str) -> Result<Arc<Pool>, Refusal> {
        let directory = self.directory.read().unwrap_or_else(PoisonError::into_inner);
        let pool = directory.pools.get(pool_id).cloned();
        pool.ok_or_else(|| resource_not_found(format!("User pool {pool_id} does not exist.")))
    }

    /// A client with its pool.
    pub fn client(&self, client_id: &str) -> Result<(Arc<Pool>, Arc<Client>), Refusal> {
        let client = {
            let directory = self.directory.read().unwrap_or_else(PoisonError::into_inner);
            directory.clients.get(client_id).cloned()
        };
        let client =
            client.ok_or_else(|| resource_not_found(format!("User pool client {client_id} does not exist.")))?;
        Ok((self.pool(&client.pool_id)?, client))
    }

    /// A client of that pool.
    pub fn client_of(&self, pool_id: &str, client_id: &str) -> Result<(Arc<Pool>, Arc<Client>), Refusal> {
        let pool = self.pool(pool_id)?;
        match self.client(client_id) {
            Ok((_, client)) if client.pool_id == pool_id => Ok((pool, client)),
            _ => Err(resource_not_found(format!("User pool client {client_id} does not exist."))),
        }
    }
}
