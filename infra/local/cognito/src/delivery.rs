//! Messages with codes: by which way they go, what they say, and what the caller is told of it.
//! Sending happens after the transaction, never in it.

use serde_json::{Value, json};

use crate::UserPools;
use crate::directory::Pool;
use crate::store::users::User;

/// A message ready to go.
pub(crate) struct Message {
    /// `email` or `phone_number`.
    pub attribute: String,
    pub to: String,
    subject: String,
    text: String,
    code: String,
}

impl Message {
    /// What was sent to be typed back.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The code that verifies an attribute, confirms a sign-up or resets a password.
    pub fn verification(pool: &Pool, attribute: &str, to: &str, code: &str) -> Message {
        let template = &pool.properties.verification_message_template;
        let text = if attribute == "email" {
            let text = template.email_message.as_ref().or(pool.properties.email_verification_message.as_ref());
            text.map_or("Your verification code is {####}.", String::as_str)
        } else {
            let text = template.sms_message.as_ref().or(pool.properties.sms_verification_message.as_ref());
            text.map_or("Your verification code is {####}.", String::as_str)
        };
        let subject = template.email_subject.as_ref().or(pool.properties.email_verification_subject.as_ref());
        Message {
            attribute: attribute.to_owned(),
            to: to.to_owned(),
            subject: subject.map_or("Your verification code", String::as_str).to_owned(),
            text: text.replace("{####}", code),
            code: code.to_owned(),
        }
    }

    /// The temporary password of a user made by an administrator. `username` as the user would type it.
    pub fn invitation(pool: &Pool, attribute: &str, to: &str, username: &str, password: &str) -> Message {
        let template = &pool.properties.admin_create_user_config.invite_message_template;
        let text = if attribute == "email" { &template.email_message } else { &template.sms_message };
        let text = text.as_deref().unwrap_or("Your username is {username} and temporary password is {####}.");
        Message {
            attribute: attribute.to_owned(),
            to: to.to_owned(),
            subject: template.email_subject.clone().unwrap_or_else(|| "Your temporary password".to_owned()),
            text: text.replace("{username}", username).replace("{####}", password),
            code: password.to_owned(),
        }
    }

    /// `CodeDeliveryDetails` of the API.
    pub fn details(&self) -> Value {
        details(&self.attribute, &self.to)
    }
}

impl UserPools {
    pub fn send(&self, message: &Message) {
        if message.attribute == "email" {
            self.around.hooks.mail(&message.to, &message.subject, &message.text, Some(&message.code));
        } else {
            self.around.hooks.sms(&message.to, &message.text);
        }
    }
}

/// How a delivery is described to the caller, masked.
pub(crate) fn details(attribute: &str, to: &str) -> Value {
    json!({
        "AttributeName": attribute,
        "DeliveryMedium": if attribute == "email" { "EMAIL" } else { "SMS" },
        "Destination": masked(attribute, to),
    })
}

/// The attribute that a sign-up code goes to: the phone before the mail where both are verified automatically.
pub(crate) fn sign_up_target(pool: &Pool, user: &User) -> Option<(String, String)> {
    ["phone_number", "email"].into_iter().find_map(|name| {
        let automatic = pool.properties.auto_verified_attributes.iter().any(|listed| listed == name);
        let value = user.attribute(name).filter(|_| automatic && !user.verified(name))?;
        Some((name.to_owned(), value.to_owned()))
    })
}

/// `d***@e***` and `+*******1234`.
fn masked(attribute: &str, to: &str) -> String {
    let first = |text: &str| text.chars().next().map(String::from).unwrap_or_default();
    if attribute == "email" {
        let (local, host) = to.split_once('@').unwrap_or((to, ""));
        return format!("{}***@{}***", first(local), first(host));
    }
    let digits = to.trim_start_matches('+');
    let shown = digits.len().saturating_sub(4);
    format!("+{}{}", "*".repeat(shown), digits.get(shown..).unwrap_or(""))
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn destinations_are_masked_as_the_service_masks_them() {
        assert_eq!(masked("email", "demo@example.com"), "d***@e***");
        assert_eq!(masked("phone_number", "+51987654321"), "+*******4321");
        assert_eq!(masked("phone_number", "+12"), "+12");
    }
}
