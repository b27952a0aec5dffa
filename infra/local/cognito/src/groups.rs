//! Groups of a pool and their members.

use rusqlite::Connection;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::UserPools;
use crate::listing::{page_size, read_token, write_token};
use crate::lookup::user_type;
use crate::refusal::{Refusal, constraint, group_exists, resource_not_found};
use crate::store::groups::{self, Group};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct WriteGroup {
    group_name: String,
    user_pool_id: String,
    description: Option<String>,
    role_arn: Option<String>,
    precedence: Option<i64>,
}

pub(crate) fn create(pools: &UserPools, request: WriteGroup) -> Result<Value, Refusal> {
    let pool = pools.pool(&request.user_pool_id)?;
    if request.group_name.is_empty() || request.group_name.len() > 128 {
        return Err(constraint("", "groupName", "Member must have length between 1 and 128"));
    }
    let now = pools.around.now();
    let group = Group {
        name: request.group_name,
        description: request.description,
        precedence: request.precedence,
        role_arn: request.role_arn,
        created: now,
        modified: now,
    };
    pools.store.write(|connection| {
        if groups::load(connection, &pool.id, &group.name)?.is_some() {
            return Err(group_exists("A group with the name already exists."));
        }
        groups::save(connection, &pool.id, &group)
    })?;
    Ok(json!({"Group": group.to_json(&pool.id)}))
}

pub(crate) fn update(pools: &UserPools, request: WriteGroup) -> Result<Value, Refusal> {
    let pool = pools.pool(&request.user_pool_id)?;
    let group = pools.store.write(|connection| {
        let mut group = require(connection, &pool.id, &request.group_name)?;
        group.description = request.description.or(group.description);
        group.role_arn = request.role_arn.or(group.role_arn);
        group.precedence = request.precedence.or(group.precedence);
        group.modified = pools.around.now();
        groups::save(connection, &pool.id, &group)?;
        Ok(group)
    })?;
    Ok(json!({"Group": group.to_json(&pool.id)}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct OneGroup {
    group_name: String,
    user_pool_id: String,
}

pub(crate) fn get(pools: &UserPools, request: OneGroup) -> Result<Value, Refusal> {
    let pool = pools.pool(&request.user_pool_id)?;
    let group = pools.store.read(|connection| require(connection, &pool.id, &request.group_name))?;
    Ok(json!({"Group": group.to_json(&pool.id)}))
}

pub(crate) fn delete(pools: &UserPools, request: OneGroup) -> Result<Value, Refusal> {
    let pool = pools.pool(&request.user_pool_id)?;
    pools.store.write(|connection| {
        let group = require(connection, &pool.id, &request.group_name)?;
        groups::delete(connection, &pool.id, &group.name)
    })?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListGroups {
    user_pool_id: String,
    limit: Option<i64>,
    next_token: Option<String>,
}

pub(crate) fn list(pools: &UserPools, request: ListGroups) -> Result<Value, Refusal> {
    let pool = pools.pool(&request.user_pool_id)?;
    let limit = page_size(request.limit)?;
    let after = read_token(request.next_token.as_deref())?;
    let mut found = pools.store.read(|connection| groups::page(connection, &pool.id, &after, limit + 1))?;
    let token = write_token(&mut found, limit, |group| &group.name);
    let shown: Vec<Value> = found.iter().map(|group| group.to_json(&pool.id)).collect();
    Ok(with_token(json!({"Groups": shown}), token))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListUsersInGroup {
    user_pool_id: String,
    group_name: String,
    limit: Option<i64>,
    next_token: Option<String>,
}

pub(crate) fn list_users(pools: &UserPools, request: ListUsersInGroup) -> Result<Value, Refusal> {
    let pool = pools.pool(&request.user_pool_id)?;
    let limit = page_size(request.limit)?;
    let after = read_token(request.next_token.as_deref())?;
    let mut found = pools.store.read(|connection| {
        let group = require(connection, &pool.id, &request.group_name)?;
        groups::members(connection, &pool.id, &group.name, &after, limit + 1)
    })?;
    let token = write_token(&mut found, limit, |user| &user.username);
    let shown: Vec<Value> = found.iter().map(|user| user_type(user, None)).collect();
    Ok(with_token(json!({"Users": shown}), token))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Membership {
    user_pool_id: String,
    username: String,
    group_name: String,
}

pub(crate) fn add_user(pools: &UserPools, request: Membership) -> Result<Value, Refusal> {
    let pool = pools.pool(&request.user_pool_id)?;
    pools.store.write(|connection| {
        let user = pools.require_user(connection, &pool, &request.username)?;
        let group = require(connection, &pool.id, &request.group_name)?;
        groups::add(connection, &pool.id, &user.username, &group.name)
    })?;
    Ok(json!({}))
}

pub(crate) fn remove_user(pools: &UserPools, request: Membership) -> Result<Value, Refusal> {
    let pool = pools.pool(&request.user_pool_id)?;
    pools.store.write(|connection| {
        let user = pools.require_user(connection, &pool, &request.username)?;
        let group = require(connection, &pool.id, &request.group_name)?;
        groups::remove(connection, &pool.id, &user.username, &group.name)
    })?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListGroupsForUser {
    user_pool_id: String,
    username: String,
    limit: Option<i64>,
    next_token: Option<String>,
}

/// In the order of their names, as the other lists; tokens have them by precedence.
pub(crate) fn list_for_user(pools: &UserPools, request: ListGroupsForUser) -> Result<Value, Refusal> {
    let pool = pools.pool(&request.user_pool_id)?;
    let limit = page_size(request.limit)?;
    let after = read_token(request.next_token.as_deref())?;
    let mut found = pools.store.read(|connection| {
        let user = pools.require_user(connection, &pool, &request.username)?;
        groups::of_user(connection, &pool.id, &user.username)
    })?;
    found.sort_by(|left, right| left.name.cmp(&right.name));
    found.retain(|group| group.name > after);
    let token = write_token(&mut found, limit, |group| &group.name);
    let shown: Vec<Value> = found.iter().map(|group| group.to_json(&pool.id)).collect();
    Ok(with_token(json!({"Groups": shown}), token))
}

fn require(connection: &Connection, pool_id: &str, name: &str) -> Result<Group, Refusal> {
    groups::load(connection, pool_id, name)?.ok_or_else(|| resource_not_found("Group not found."))
}

fn with_token(mut answer: Value, token: Option<String>) -> Value {
    if let Some(token) = token {
        answer["NextToken"] = json!(token);
    }
    answer
}
