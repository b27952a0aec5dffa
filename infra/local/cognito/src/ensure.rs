//! Brings pools, clients, groups and resource servers to what the template says. Running it again changes nothing.

use std::sync::{Arc, PoisonError};

use serde_json::Value;

use crate::config::{self, ClientProperties, GroupProperties, PoolProperties, ResourceServerProperties};
use crate::directory::{Client, Pool};
use crate::keys::{self, PoolKeys};
use crate::store::directory::{self as rows, ClientRow, PoolRow};
use crate::store::groups::{self, Group};
use crate::store::users;
use crate::{ClientInfo, SetupError, UserPools};

/// Letters and digits of a generated secret.
const SECRET_ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

impl UserPools {
    pub fn ensure_pool(&self, pool_id: &str, properties: &Value) -> Result<(), SetupError> {
        let parsed: PoolProperties = config::read(&format!("user pool {pool_id}"), properties)?;
        parsed.check(&format!("user pool {pool_id}"))?;
        self.refuse_replacement(pool_id, &parsed)?;
        for purpose in [keys::ID, keys::ACCESS] {
            let present = self.store.read(|connection| rows::key(connection, pool_id, purpose))?.is_some();
            if !present {
                let pkcs8 = (self.around.new_key)().map_err(SetupError::Key)?;
                self.store.write(|connection| rows::put_key(connection, pool_id, purpose, &pkcs8))?;
            }
        }
        let now = self.around.now();
        let mut row =
            PoolRow { pool_id: pool_id.to_owned(), properties: properties.to_string(), created: now, modified: now };
        row.created = self.store.write(|connection| rows::put_pool(connection, &row))?;
        self.install_pool(row)
    }

    pub fn ensure_client(&self, pool_id: &str, client_id: &str, properties: &Value) -> Result<ClientInfo, SetupError> {
        self.require_pool(pool_id)?;
        let resource = format!("user pool client {client_id}");
        let parsed: ClientProperties = config::read(&resource, properties)?;
        parsed.check(&resource)?;
        let now = self.around.now();
        let before = self.client(client_id).ok().map(|(_, client)| client);
        let secret = parsed.generate_secret.unwrap_or(false).then(|| {
            let kept = before.as_ref().and_then(|client| client.secret.clone());
            kept.unwrap_or_else(|| self.new_secret())
        });
        let row = ClientRow {
            client_id: client_id.to_owned(),
            pool_id: pool_id.to_owned(),
            secret: secret.clone(),
            properties: properties.to_string(),
            created: before.map_or(now, |client| client.created),
            modified: now,
        };
        self.store.write(|connection| rows::put_client(connection, &row))?;
        self.install_client(row)?;
        Ok(ClientInfo { client_id: client_id.to_owned(), client_secret: secret })
    }

    pub fn ensure_group(&self, pool_id: &str, properties: &Value) -> Result<(), SetupError> {
        self.require_pool(pool_id)?;
        let parsed: GroupProperties = config::read(&format!("group of {pool_id}"), properties)?;
        let now = self.around.now();
        self.store.write(|connection| {
            let before = groups::load(connection, pool_id, &parsed.group_name)?;
            let group = Group {
                name: parsed.group_name,
                description: parsed.description,
                precedence: parsed.precedence,
                role_arn: parsed.role_arn,
                created: before.map_or(now, |group| group.created),
                modified: now,
            };
            groups::save(connection, pool_id, &group)
        })?;
        Ok(())
    }

    pub fn ensure_resource_server(&self, pool_id: &str, properties: &Value) -> Result<(), SetupError> {
        self.require_pool(pool_id)?;
        let parsed: ResourceServerProperties = config::read(&format!("resource server of {pool_id}"), properties)?;
        let scopes: Vec<String> =
            parsed.scopes.iter().map(|scope| format!("{}/{}", parsed.identifier, scope.scope_name)).collect();
        self.store.write(|connection| rows::put_resource_server(connection, pool_id, &parsed.identifier, &scopes))?;
        Ok(())
    }

    /// Puts a stored pool into the directory.
    pub fn install_pool(&self, row: PoolRow) -> Result<(), SetupError> {
        let raw: Value = serde_json::from_str(&row.properties).map_err(|e| SetupError::Store(e.to_string()))?;
        let properties = config::read(&format!("user pool {}", row.pool_id), &raw)?;
        let (id, access) = self.store.read(|connection| {
            Ok((rows::key(connection, &row.pool_id, keys::ID)?, rows::key(connection, &row.pool_id, keys::ACCESS)?))
        })?;
        let (Some(id), Some(access)) = (id, access) else {
            return Err(SetupError::Key(format!("user pool {} has no keys", row.pool_id)));
        };
        let pool = Pool {
            arn: format!("arn:aws:cognito-idp:{}:{}:userpool/{}", self.region, self.account, row.pool_id),
            issuer: format!("{}/{}", self.issuer_base, row.pool_id),
            properties,
            raw,
            keys: PoolKeys::read(&id, &access).map_err(SetupError::Key)?,
            created: row.created,
            modified: row.modified,
            id: row.pool_id,
        };
        let mut directory = self.directory.write().unwrap_or_else(PoisonError::into_inner);
        directory.pools.insert(pool.id.clone(), Arc::new(pool));
        Ok(())
    }

    /// Puts a stored client into the directory.
    pub fn install_client(&self, row: ClientRow) -> Result<(), SetupError> {
        let raw: Value = serde_json::from_str(&row.properties).map_err(|e| SetupError::Store(e.to_string()))?;
        let client = Client {
            properties: config::read(&format!("user pool client {}", row.client_id), &raw)?,
            raw,
            secret: row.secret,
            pool_id: row.pool_id,
            created: row.created,
            modified: row.modified,
            id: row.client_id,
        };
        let mut directory = self.directory.write().unwrap_or_else(PoisonError::into_inner);
        directory.clients.insert(client.id.clone(), Arc::new(client));
        Ok(())
    }

    /// CloudFormation replaces the pool, and its users with it, when these change.
    fn refuse_replacement(&self, pool_id: &str, new: &PoolProperties) -> Result<(), SetupError> {
        let Ok(pool) = self.pool(pool_id) else {
            return Ok(());
        };
        let old = &pool.properties;
        for (path, same) in [
            ("UsernameAttributes", old.username_attributes == new.username_attributes),
            ("AliasAttributes", old.alias_attributes == new.alias_attributes),
            ("UsernameConfiguration.CaseSensitive", old.case_sensitive() == new.case_sensitive()),
        ] {
            let users = self.store.read(|connection| users::count(connection, pool_id))?;
            if !same && users > 0 {
                return Err(SetupError::Property {
                    resource: format!("user pool {pool_id}"),
                    path: path.to_owned(),
                    reason: "cannot change while the pool has users; begin with a fresh state".to_owned(),
                });
            }
        }
        Ok(())
    }

    fn require_pool(&self, pool_id: &str) -> Result<Arc<Pool>, SetupError> {
        self.pool(pool_id).map_err(|_| SetupError::NoSuchPool(pool_id.to_owned()))
    }

    fn new_secret(&self) -> String {
        (0..51).map(|_| char::from(SECRET_ALPHABET[self.around.below(36) as usize])).collect()
    }
}
