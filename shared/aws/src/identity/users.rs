//! What the bank does to users: makes, disables, changes and removes them.

use std::{collections::BTreeMap, future::Future};

use aws_sdk_cognitoidentityprovider::{
    Client,
    types::{DeliveryMediumType, UserType},
};
use domain::{
    customer::{Customer, EmailAddress, Registration},
    id::CustomerId,
};

use super::{IdentityError, Refusal, attribute, attributes_of, incomplete, map_of, refused};

/// The users of one pool.
#[derive(Clone, Debug)]
pub struct Users {
    client: Client,
    pool: String,
}

impl Users {
    /// The pool of this id.
    pub fn new(client: Client, pool: String) -> Self {
        Self { client, pool }
    }

    /// Makes a user whose address counts as proven and invites him by mail with a temporary password. Answers the
    /// user's subject.
    pub async fn create(&self, registration: &Registration) -> Result<String, IdentityError> {
        let mut attributes = attributes_of(registration)?;
        attributes.push(attribute("email_verified", "true")?);
        let answer = self
            .client
            .admin_create_user()
            .user_pool_id(&self.pool)
            .username(registration.email.as_str())
            .set_user_attributes(Some(attributes))
            .desired_delivery_mediums(DeliveryMediumType::Email)
            .send()
            .await
            .map_err(refused)?;
        answer.user.as_ref().and_then(subject_of).ok_or_else(|| incomplete("sub"))
    }

    /// What the pool keeps about a user, by user name or address.
    pub async fn attributes(&self, username: &str) -> Result<BTreeMap<String, String>, IdentityError> {
        let request = self.client.admin_get_user().user_pool_id(&self.pool).username(username);
        Ok(map_of(request.send().await.map_err(refused)?.user_attributes.unwrap_or_default()))
    }

    /// The subject of the user with this address.
    pub async fn subject(&self, email: &EmailAddress) -> Result<Option<String>, IdentityError> {
        match self.attributes(email.as_str()).await {
            Ok(mut attributes) => attributes.remove("sub").map(Some).ok_or_else(|| incomplete("sub")),
            Err(IdentityError::Refused(Refusal::Unknown)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes a user; one who is not there is removed.
    pub async fn delete(&self, id: &CustomerId) -> Result<(), IdentityError> {
        let removed = self
            .with_username(id, |username| async move {
                let request = self.client.admin_delete_user().user_pool_id(&self.pool).username(username);
                request.send().await.map(drop).map_err(refused)
            })
            .await;
        match removed {
            Err(IdentityError::Refused(Refusal::Unknown)) => Ok(()),
            removed => removed,
        }
    }

    /// Keeps a user from signing in and ends every session.
    pub async fn block(&self, id: &CustomerId) -> Result<(), IdentityError> {
        self.with_username(id, |username| async move {
            let request = self.client.admin_disable_user().user_pool_id(&self.pool).username(&username);
            request.send().await.map_err(refused)?;
            let request = self.client.admin_user_global_sign_out().user_pool_id(&self.pool).username(&username);
            request.send().await.map(drop).map_err(refused)
        })
        .await
    }

    /// Lets a user sign in again.
    pub async fn unblock(&self, id: &CustomerId) -> Result<(), IdentityError> {
        self.with_username(id, |username| async move {
            let request = self.client.admin_enable_user().user_pool_id(&self.pool).username(username);
            request.send().await.map(drop).map_err(refused)
        })
        .await
    }

    /// Brings names and phone in line with the customer's, and the address too where the bank vouches for it.
    pub async fn update(&self, customer: &Customer, with_email: bool) -> Result<(), IdentityError> {
        let phone = customer.phone.as_ref().map_or("", |phone| phone.as_str()); // empty removes the attribute
        let mut pairs = vec![
            ("given_name", customer.given_name.as_str()),
            ("family_name", customer.family_name.as_str()),
            ("phone_number", phone),
        ];
        if with_email {
            pairs.extend([("email", customer.email.as_str()), ("email_verified", "true")]);
        }
        let attributes =
            pairs.into_iter().map(|(name, value)| attribute(name, value)).collect::<Result<Vec<_>, _>>()?;
        self.with_username(&customer.id, |username| {
            let request = self.client.admin_update_user_attributes().user_pool_id(&self.pool).username(username);
            let request = request.set_user_attributes(Some(attributes.clone()));
            async move { request.send().await.map(drop).map_err(refused) }
        })
        .await
    }

    /// Puts a user into a group, by the pool's own user name; once in, always in.
    pub async fn add_to_group(&self, username: &str, group: &str) -> Result<(), IdentityError> {
        let request = self.client.admin_add_user_to_group().user_pool_id(&self.pool).username(username);
        request.group_name(group).send().await.map(drop).map_err(refused)
    }

    /// Whether the user pool answers at all.
    pub async fn ping(&self) -> Result<(), IdentityError> {
        self.client.describe_user_pool().user_pool_id(&self.pool).send().await.map(drop).map_err(refused)
    }

    /// Does something under the customer's user name. For a user of the pool's own that is the subject; users of
    /// Google, Facebook and GitHub go by another name, which is looked up only when the subject is not found.
    async fn with_username<F>(&self, id: &CustomerId, act: impl Fn(String) -> F) -> Result<(), IdentityError>
    where
        F: Future<Output = Result<(), IdentityError>>,
    {
        let subject = id.subject().ok_or(IdentityError::Refused(Refusal::Unknown))?;
        match act(subject.clone()).await {
            Err(IdentityError::Refused(Refusal::Unknown)) => {}
            done => return done,
        }
        let request = self.client.list_users().user_pool_id(&self.pool).filter(format!("sub = \"{subject}\""));
        let users = request.limit(1).send().await.map_err(refused)?.users.unwrap_or_default();
        match users.into_iter().next().and_then(|user| user.username) {
            Some(username) if username != subject => act(username).await,
            _ => Err(IdentityError::Refused(Refusal::Unknown)),
        }
    }
}

fn subject_of(user: &UserType) -> Option<String> {
    user.attributes().iter().find(|pair| pair.name == "sub").and_then(|pair| pair.value.clone())
}
