//! Amazon SNS as the runner serves it: SMS to a phone number, and topics that pass messages on to queues.
//! Nothing leaves the machine: what would reach a phone or a mailbox is kept in the [`Outbox`], where
//! `/_local/sms` and `/_local/mail` show it.
//!
//! Not served: FIFO topics, filter policies, platform applications, confirmation of subscriptions.

mod outbox;
mod query;

use std::path::Path;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use local_sqs::{Clock, MessageAttributes, SendOptions, Sqs, SystemClock, message_id};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::json;

pub use outbox::{Mail, Outbox, Sms};
use outbox::{lock, open};
use query::{Form, escape, tag, tag_raw};

/// The longest SMS that SNS takes, in characters. It travels in parts, but is one message to its sender.
const SMS_CHARACTERS_LIMIT: usize = 1_600;
/// The largest message to a topic, in bytes.
const TOPIC_BYTES_LIMIT: usize = 262_144;

const XMLNS: &str = "http://sns.amazonaws.com/doc/2010-03-31/";

/// The SNS of one account and region. Clones share it.
#[derive(Clone)]
pub struct Sns {
    inner: Arc<Inner>,
}

struct Inner {
    connection: Mutex<Connection>,
    arn_prefix: String,
    outbox: Outbox,
    sqs: Sqs,
}

/// What SNS refuses, with the code the SDKs match on.
#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl Refusal {
    fn invalid(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code: "InvalidParameter", message: message.into() }
    }

    fn not_found(message: &str) -> Self {
        Self { status: StatusCode::NOT_FOUND, code: "NotFound", message: message.to_owned() }
    }

    fn internal(message: String) -> Self {
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, code: "InternalError", message }
    }
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        Self::internal(format!("topic store: {error}"))
    }
}

const TOPICS_SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS topics (arn TEXT PRIMARY KEY) STRICT;
CREATE TABLE IF NOT EXISTS subscriptions (
    arn TEXT PRIMARY KEY,
    topic_arn TEXT NOT NULL,
    protocol TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    raw INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS subscriptions_by_topic ON subscriptions (topic_arn);
";

struct Subscription {
    arn: String,
    topic_arn: String,
    protocol: String,
    endpoint: String,
    raw: bool,
}

impl Sns {
    /// Opens the topics kept in `file`. SMS go to `outbox`, messages to subscribed queues to `sqs`.
    pub fn open(file: &Path, account: &str, region: &str, outbox: Outbox, sqs: Sqs) -> rusqlite::Result<Self> {
        let connection = Mutex::new(open(file, TOPICS_SCHEMA)?);
        let arn_prefix = format!("arn:aws:sns:{region}:{account}:");
        Ok(Self { inner: Arc::new(Inner { connection, arn_prefix, outbox, sqs }) })
    }

    /// Makes a topic exist and returns its ARN.
    pub fn ensure_topic(&self, name: &str) -> rusqlite::Result<String> {
        let arn = format!("{}{name}", self.inner.arn_prefix);
        lock(&self.inner.connection).execute("INSERT OR IGNORE INTO topics (arn) VALUES (?)", [&arn])?;
        Ok(arn)
    }

    /// Serves one request of the AWS query protocol: a form with an `Action`, answered in XML.
    pub async fn handle(&self, request: Request<Bytes>) -> Response<Bytes> {
        let form = Form::parse(request.body());
        let action = form.get("Action").unwrap_or_default().to_owned();
        match self.dispatch(&action, &form) {
            Ok(result) => {
                let id = message_id();
                let result = result.map_or(String::new(), |xml| format!("<{action}Result>{xml}</{action}Result>"));
                let body = format!(
                    "<{action}Response xmlns=\"{XMLNS}\">{result}<ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata></{action}Response>"
                );
                answer(StatusCode::OK, body)
            }
            Err(refusal) => {
                let fault = if refusal.status.is_server_error() { "Receiver" } else { "Sender" };
                let (code, message, id) = (refusal.code, escape(&refusal.message), message_id());
                let body = format!(
                    "<ErrorResponse xmlns=\"{XMLNS}\"><Error><Type>{fault}</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>{id}</RequestId></ErrorResponse>"
                );
                answer(refusal.status, body)
            }
        }
    }

    fn dispatch(&self, action: &str, form: &Form) -> Result<Option<String>, Refusal> {
        match action {
            "Publish" => self.publish(form).map(|id| Some(tag("MessageId", &id))),
            "CreateTopic" => self.create_topic(form).map(|arn| Some(tag("TopicArn", &arn))),
            "DeleteTopic" => self.delete_topic(form).map(|()| None),
            "ListTopics" => self.list_topics().map(Some),
            "GetTopicAttributes" => self.topic_attributes(form).map(Some),
            "Subscribe" => self.subscribe(form).map(|arn| Some(tag("SubscriptionArn", &arn))),
            "Unsubscribe" => self.unsubscribe(form).map(|()| None),
            "ListSubscriptions" => self.list_subscriptions(None).map(Some),
            "ListSubscriptionsByTopic" => {
                let topic = self.topic(form)?;
                self.list_subscriptions(Some(&topic)).map(Some)
            }
            other => Err(Refusal {
                status: StatusCode::BAD_REQUEST,
                code: "InvalidAction",
                message: format!("The action {other} is not valid for this web service."),
            }),
        }
    }

    fn publish(&self, form: &Form) -> Result<String, Refusal> {
        let message = form.get("Message").unwrap_or_default();
        let topic = form.get("TopicArn").or_else(|| form.get("TargetArn"));
        match (form.get("PhoneNumber"), topic) {
            (Some(_), Some(_)) => {
                Err(Refusal::invalid("Invalid parameter: PhoneNumber Reason: TopicArn or TargetArn is given as well"))
            }
            (None, None) => Err(Refusal::invalid(
                "Invalid parameter: TopicArn or TargetArn Reason: no value for required parameter",
            )),
            _ if message.is_empty() => Err(Refusal::invalid("Invalid parameter: Empty message")),
            (Some(phone), None) => {
                if !is_e164(phone) {
                    return Err(Refusal::invalid(format!(
                        "Invalid parameter: PhoneNumber Reason: {phone} is not valid to publish to"
                    )));
                }
                if message.chars().count() > SMS_CHARACTERS_LIMIT {
                    return Err(Refusal::invalid("Invalid parameter: Message too long"));
                }
                self.inner.outbox.push_sms(phone, message)?;
                Ok(message_id())
            }
            (None, Some(topic)) => {
                if message.len() > TOPIC_BYTES_LIMIT {
                    return Err(Refusal::invalid("Invalid parameter: Message too long"));
                }
                self.require_topic(topic)?;
                self.fan_out(topic, message, form)
            }
        }
    }

    /// Passes a message on to every subscription. What a queue refuses is dropped and the publisher not told, as on
    /// AWS for a subscription without a dead-letter queue of its own.
    fn fan_out(&self, topic: &str, message: &str, form: &Form) -> Result<String, Refusal> {
        let id = message_id();
        let attributes = form.message_attributes();
        let subject = form.get("Subject");
        for subscription in self.subscriptions(Some(topic))? {
            let endpoint = subscription.endpoint.as_str();
            match subscription.protocol.as_str() {
                "sqs" if subscription.raw => {
                    let options = SendOptions { attributes: attributes.clone(), ..SendOptions::default() };
                    let _dropped = self.inner.sqs.send(endpoint, message, &options).err();
                }
                "sqs" => {
                    let envelope = self.envelope(&subscription, &id, subject, message, &attributes)?;
                    let _dropped = self.inner.sqs.send(endpoint, &envelope, &SendOptions::default()).err();
                }
                "sms" => self.inner.outbox.push_sms(endpoint, message)?,
                _ => {
                    let subject = subject.unwrap_or("AWS Notification Message");
                    self.inner.outbox.push_mail(endpoint, subject, message, None)?;
                }
            }
        }
        Ok(id)
    }

    fn envelope(
        &self,
        subscription: &Subscription,
        id: &str,
        subject: Option<&str>,
        message: &str,
        attributes: &MessageAttributes,
    ) -> Result<String, Refusal> {
        let timestamp: String = lock(&self.inner.connection).query_row(
            "SELECT strftime('%Y-%m-%dT%H:%M:%fZ', ? / 1000.0, 'unixepoch')",
            [SystemClock.now()],
            |row| row.get(0),
        )?;
        let mut envelope = json!({
            "Type": "Notification",
            "MessageId": id,
            "TopicArn": subscription.topic_arn,
            "Message": message,
            "Timestamp": timestamp,
            "SignatureVersion": "1",
            "Signature": "",
            "SigningCertURL": "",
            "UnsubscribeURL": "",
        });
        if let Some(subject) = subject {
            envelope["Subject"] = json!(subject);
        }
        for (name, attribute) in attributes {
            let value = attribute.string_value.as_ref().or(attribute.binary_value.as_ref());
            envelope["MessageAttributes"][name] = json!({ "Type": attribute.data_type, "Value": value });
        }
        Ok(envelope.to_string())
    }

    fn create_topic(&self, form: &Form) -> Result<String, Refusal> {
        let name = form.get("Name").unwrap_or_default();
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || name.len() > 256 || !name.chars().all(plain) {
            return Err(Refusal::invalid("Invalid parameter: Topic Name"));
        }
        Ok(self.ensure_topic(name)?)
    }

    fn delete_topic(&self, form: &Form) -> Result<(), Refusal> {
        let arn = form.get("TopicArn").unwrap_or_default();
        let connection = lock(&self.inner.connection);
        connection.execute("DELETE FROM subscriptions WHERE topic_arn = ?", [arn])?;
        connection.execute("DELETE FROM topics WHERE arn = ?", [arn])?;
        Ok(())
    }

    fn list_topics(&self) -> Result<String, Refusal> {
        let connection = lock(&self.inner.connection);
        let mut select = connection.prepare_cached("SELECT arn FROM topics ORDER BY arn")?;
        let arns = select.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
        let members: String = arns.iter().map(|arn| tag_raw("member", &tag("TopicArn", arn))).collect();
        Ok(tag_raw("Topics", &members))
    }

    fn topic_attributes(&self, form: &Form) -> Result<String, Refusal> {
        let arn = self.topic(form)?;
        let confirmed = self.subscriptions(Some(&arn))?.len().to_string();
        let owner = arn.split(':').nth(4).unwrap_or_default().to_owned();
        let entries = [("TopicArn", arn), ("Owner", owner), ("SubscriptionsConfirmed", confirmed)];
        let entries: String =
            entries.iter().map(|(key, value)| tag_raw("entry", &(tag("key", key) + &tag("value", value)))).collect();
        Ok(tag_raw("Attributes", &entries))
    }

    fn subscribe(&self, form: &Form) -> Result<String, Refusal> {
        let topic_arn = self.topic(form)?;
        let protocol = form.get("Protocol").unwrap_or_default();
        let endpoint = form.get("Endpoint").unwrap_or_default();
        let fits = match protocol {
            "sqs" => endpoint.starts_with("arn:aws:sqs:"),
            "sms" => is_e164(endpoint),
            "email" => endpoint.contains('@'),
            _ => {
                return Err(Refusal::invalid(format!(
                    "Invalid parameter: Does not support this protocol string: {protocol}"
                )));
            }
        };
        if !fits {
            return Err(Refusal::invalid(format!(
                "Invalid parameter: Endpoint Reason: {endpoint} does not fit {protocol}"
            )));
        }
        let raw = form.attribute("RawMessageDelivery") == Some("true");
        let connection = lock(&self.inner.connection);
        let known: Option<String> = connection
            .query_row(
                "SELECT arn FROM subscriptions WHERE topic_arn = ? AND protocol = ? AND endpoint = ?",
                params![topic_arn, protocol, endpoint],
                |row| row.get(0),
            )
            .optional()?;
        if let Some(arn) = known {
            return Ok(arn);
        }
        let arn = format!("{topic_arn}:{}", message_id());
        connection.execute(
            "INSERT INTO subscriptions (arn, topic_arn, protocol, endpoint, raw) VALUES (?, ?, ?, ?, ?)",
            params![arn, topic_arn, protocol, endpoint, raw],
        )?;
        Ok(arn)
    }

    fn unsubscribe(&self, form: &Form) -> Result<(), Refusal> {
        let arn = form.get("SubscriptionArn").unwrap_or_default();
        lock(&self.inner.connection).execute("DELETE FROM subscriptions WHERE arn = ?", [arn])?;
        Ok(())
    }

    fn list_subscriptions(&self, topic: Option<&str>) -> Result<String, Refusal> {
        let member = |subscription: Subscription| {
            let owner = subscription.topic_arn.split(':').nth(4).unwrap_or_default();
            let parts = [
                tag("TopicArn", &subscription.topic_arn),
                tag("Protocol", &subscription.protocol),
                tag("SubscriptionArn", &subscription.arn),
                tag("Owner", owner),
                tag("Endpoint", &subscription.endpoint),
            ];
            tag_raw("member", &parts.concat())
        };
        let members: String = self.subscriptions(topic)?.into_iter().map(member).collect();
        Ok(tag_raw("Subscriptions", &members))
    }

    fn subscriptions(&self, topic: Option<&str>) -> Result<Vec<Subscription>, Refusal> {
        let connection = lock(&self.inner.connection);
        let mut select = connection.prepare_cached(
            "SELECT arn, topic_arn, protocol, endpoint, raw FROM subscriptions
             WHERE ?1 IS NULL OR topic_arn = ?1 ORDER BY arn",
        )?;
        let rows = select.query_map([topic], |row| {
            Ok(Subscription {
                arn: row.get(0)?,
                topic_arn: row.get(1)?,
                protocol: row.get(2)?,
                endpoint: row.get(3)?,
                raw: row.get(4)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn topic(&self, form: &Form) -> Result<String, Refusal> {
        let arn = form.get("TopicArn").unwrap_or_default();
        self.require_topic(arn)?;
        Ok(arn.to_owned())
    }

    fn require_topic(&self, arn: &str) -> Result<(), Refusal> {
        let known: Option<i64> = lock(&self.inner.connection)
            .query_row("SELECT 1 FROM topics WHERE arn = ?", [arn], |row| row.get(0))
            .optional()?;
        known.map(drop).ok_or_else(|| Refusal::not_found("Topic does not exist"))
    }
}

/// A plus sign, then 7 to 15 digits of which the first is not zero.
fn is_e164(phone: &str) -> bool {
    phone.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit())
    })
}

fn answer(status: StatusCode, body: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", HeaderValue::from_static("text/xml"));
    response
}

#[cfg(test)]
mod tests;
