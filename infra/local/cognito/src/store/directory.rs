//! Pools, clients, resource servers and signing keys, as the template last gave them.

use rusqlite::{Connection, OptionalExtension, params};

use crate::refusal::Refusal;

pub(crate) struct PoolRow {
    pub pool_id: String,
    pub properties: String,
    pub created: i64,
    pub modified: i64,
}

pub(crate) struct ClientRow {
    pub client_id: String,
    pub pool_id: String,
    pub secret: Option<String>,
    pub properties: String,
    pub created: i64,
    pub modified: i64,
}

pub(crate) fn pools(connection: &Connection) -> Result<Vec<PoolRow>, Refusal> {
    let mut statement = connection.prepare("SELECT pool_id, properties, created, modified FROM pools")?;
    let rows = statement.query_map([], |row| {
        Ok(PoolRow { pool_id: row.get(0)?, properties: row.get(1)?, created: row.get(2)?, modified: row.get(3)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(crate) fn clients(connection: &Connection) -> Result<Vec<ClientRow>, Refusal> {
    let mut statement =
        connection.prepare("SELECT client_id, pool_id, secret, properties, created, modified FROM clients")?;
    let rows = statement.query_map([], |row| {
        Ok(ClientRow {
            client_id: row.get(0)?,
            pool_id: row.get(1)?,
            secret: row.get(2)?,
            properties: row.get(3)?,
            created: row.get(4)?,
            modified: row.get(5)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Creation time stays; the rest is replaced. Answers the creation time in force.
pub(crate) fn put_pool(connection: &Connection, row: &PoolRow) -> Result<i64, Refusal> {
    Ok(connection.query_row(
        "INSERT INTO pools (pool_id, properties, created, modified) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (pool_id) DO UPDATE SET properties = ?2, modified = ?4 RETURNING created",
        params![row.pool_id, row.properties, row.created, row.modified],
        |row| row.get(0),
    )?)
}

pub(crate) fn put_client(connection: &Connection, row: &ClientRow) -> Result<(), Refusal> {
    connection.execute(
        "INSERT OR REPLACE INTO clients (client_id, pool_id, secret, properties, created, modified)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![row.client_id, row.pool_id, row.secret, row.properties, row.created, row.modified],
    )?;
    Ok(())
}

/// `scopes` as `identifier/name`.
pub(crate) fn put_resource_server(
    connection: &Connection,
    pool_id: &str,
    identifier: &str,
    scopes: &[String],
) -> Result<(), Refusal> {
    connection.execute(
        "INSERT OR REPLACE INTO resource_servers (pool_id, identifier, scopes) VALUES (?1, ?2, ?3)",
        params![pool_id, identifier, scopes.join(" ")],
    )?;
    Ok(())
}

pub(crate) fn scopes(connection: &Connection, pool_id: &str) -> Result<Vec<String>, Refusal> {
    let mut statement = connection.prepare_cached("SELECT scopes FROM resource_servers WHERE pool_id = ?1")?;
    let rows = statement.query_map([pool_id], |row| row.get::<_, String>(0))?;
    let mut scopes = Vec::new();
    for row in rows {
        scopes.extend(row?.split_whitespace().map(str::to_owned));
    }
    Ok(scopes)
}

pub(crate) fn key(connection: &Connection, pool_id: &str, purpose: &str) -> Result<Option<Vec<u8>>, Refusal> {
    Ok(connection
        .query_row(
            "SELECT pkcs8 FROM signing_keys WHERE pool_id = ?1 AND purpose = ?2",
            params![pool_id, purpose],
            |row| row.get(0),
        )
        .optional()?)
}

pub(crate) fn put_key(connection: &Connection, pool_id: &str, purpose: &str, pkcs8: &[u8]) -> Result<(), Refusal> {
    connection.execute(
        "INSERT OR REPLACE INTO signing_keys (pool_id, purpose, pkcs8) VALUES (?1, ?2, ?3)",
        params![pool_id, purpose, pkcs8],
    )?;
    Ok(())
}
