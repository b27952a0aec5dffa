//! What a change of e-mail or phone number sets off: a code to the new one, and, where the pool asks for it first,
//! the old value in force until that code is shown.

use std::collections::BTreeMap;

use rusqlite::Connection;

use crate::UserPools;
use crate::delivery::Message;
use crate::directory::Pool;
use crate::refusal::Refusal;
use crate::signup::{SIGN_UP_CODE_MS, taken_later};
use crate::store::codes;
use crate::store::users::{self, Taken, User};

/// Takes out of `written` what must wait for its code and answers the messages to send after the transaction.
/// A contact written together with its `…_verified` = `true` (administrators may) neither waits nor is asked about.
pub(crate) fn announce(
    pools: &UserPools,
    connection: &Connection,
    pool: &Pool,
    user: &mut User,
    written: &mut BTreeMap<String, String>,
) -> Result<Vec<Message>, Refusal> {
    let settings = &pool.properties.user_attribute_update_settings;
    let mut messages = Vec::new();
    for contact in ["email", "phone_number"] {
        let Some(value) = written.get(contact).filter(|value| !value.is_empty()).cloned() else {
            continue;
        };
        let vouched = written.get(&format!("{contact}_verified")).is_some_and(|value| value == "true");
        if vouched || user.attribute(contact) == Some(value.as_str()) {
            continue;
        }
        let waits = settings.attributes_require_verification_before_update.iter().any(|name| name == contact);
        if waits {
            if pool.signs_in_with(contact)
                && users::resolve(connection, pool, &value)?.is_some_and(|other| other.username != user.username)
            {
                return Err(taken_later(&Taken { kind: contact.to_owned() }));
            }
            written.remove(contact);
            user.pending.insert(contact.to_owned(), value.clone());
        }
        if waits || pool.properties.auto_verified_attributes.iter().any(|name| name == contact) {
            let message = Message::verification(pool, contact, &value, &pools.around.code());
            let expires = pools.around.now() + SIGN_UP_CODE_MS;
            let purpose = codes::attribute(contact);
            codes::put(connection, &pool.id, &user.username, &purpose, message.code(), expires)?;
            messages.push(message);
        }
    }
    Ok(messages)
}
