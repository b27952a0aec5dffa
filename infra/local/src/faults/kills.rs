//! Functions killed at their writes: which request is a write, which rule it meets, and what has been killed.

use bytes::Bytes;
use http::{HeaderMap, Request};
use serde::Serialize;

use super::plan::{Kill, When, WriteService};

/// A request that changes something.
#[derive(Clone, Copy, Debug)]
pub struct Write<'r> {
    /// Where.
    pub service: WriteService,
    /// Which call.
    pub operation: &'r str,
    body: &'r [u8],
}

impl<'r> Write<'r> {
    /// The write in a request; `None` if it only reads, or is for another service.
    pub fn of(request: &'r Request<Bytes>) -> Option<Self> {
        let body = &request.body()[..];
        let Some(target) = request.headers().get("x-amz-target") else {
            let action = |(key, value): (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)| {
                ["Publish", "PublishBatch"].into_iter().find(|action| key == "Action" && value == *action)
            };
            let operation = form_urlencoded::parse(body).find_map(action)?;
            return Some(Self { service: WriteService::Sns, operation, body });
        };
        let (service, operation) = target.to_str().ok()?.split_once('.')?;
        let service = match (service, operation) {
            (
                "DynamoDB_20120810",
                "PutItem" | "UpdateItem" | "DeleteItem" | "TransactWriteItems" | "BatchWriteItem",
            ) => WriteService::DynamoDb,
            ("AmazonSQS", "SendMessage" | "SendMessageBatch") => WriteService::Sqs,
            _ => return None,
        };
        Some(Self { service, operation, body })
    }

    /// Whether the request has this text, as it was before it became part of JSON or of a form.
    fn contains(&self, text: &str) -> bool {
        let body = String::from_utf8_lossy(self.body);
        match self.service {
            WriteService::Sns => form_urlencoded::parse(self.body).any(|(_, value)| value.contains(text)),
            _ => body.contains(text) || body.contains('\\') && body.replace("\\\"", "\"").contains(text),
        }
    }
}

/// The access key with which a request is signed.
pub fn access_key(headers: &HeaderMap) -> Option<&str> {
    let authorization = headers.get(http::header::AUTHORIZATION)?.to_str().ok()?;
    authorization.split_once("Credential=")?.1.split('/').next()
}

/// A rule that waits, and how many writes it has counted.
#[derive(Clone, Debug, Serialize)]
pub struct Rule {
    #[serde(flatten)]
    kill: Kill,
    seen: u64,
}

impl Rule {
    /// A rule that has seen nothing. Its function is a folder's name.
    pub fn new(kill: Kill) -> Self {
        Self { kill, seen: 0 }
    }

    /// Counts the write if it matches; true if this is the one.
    fn meets(&mut self, function: &str, write: &Write<'_>) -> bool {
        let kill = &self.kill;
        let matches = kill.function == function
            && kill.service.is_none_or(|service| service == write.service)
            && kill.contains.as_ref().is_none_or(|text| write.contains(text));
        self.seen += u64::from(matches);
        matches && self.seen >= kill.write
    }
}

/// A process that was killed.
#[derive(Clone, Debug, Serialize)]
pub struct Fired {
    /// The rule; `None` if it was by the shares.
    pub rule: Option<Kill>,
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// Folder of the function.
    pub function: String,
    /// Access key of the process.
    pub instance: String,
    /// Where it wrote.
    pub service: WriteService,
    /// By which call.
    pub operation: String,
    /// Whether the write was carried out.
    pub when: When,
}

/// Shows a write to every rule and takes out the first that it meets.
pub fn meet(rules: &mut Vec<Rule>, function: &str, write: &Write<'_>) -> Option<Kill> {
    let mut met = None;
    for (place, rule) in rules.iter_mut().enumerate() {
        if rule.meets(function, write) && met.is_none() {
            met = Some(place);
        }
    }
    met.map(|place| rules.remove(place).kill)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(target: &str, body: &str) -> Request<Bytes> {
        let request = Request::post("/").header("x-amz-target", target);
        request.body(Bytes::from(body.to_owned())).expect("a request")
    }

    #[test]
    fn what_changes_something_is_a_write() {
        for (target, expected) in [
            ("DynamoDB_20120810.PutItem", Some(WriteService::DynamoDb)),
            ("DynamoDB_20120810.TransactWriteItems", Some(WriteService::DynamoDb)),
            ("DynamoDB_20120810.BatchWriteItem", Some(WriteService::DynamoDb)),
            ("DynamoDB_20120810.Query", None),
            ("DynamoDB_20120810.TransactGetItems", None),
            ("AmazonSQS.SendMessageBatch", Some(WriteService::Sqs)),
            ("AmazonSQS.DeleteMessage", None),
            ("secretsmanager.GetSecretValue", None),
        ] {
            assert_eq!(Write::of(&request(target, "{}")).map(|write| write.service), expected, "{target}");
        }
        let form =
            |body: &'static str| Request::post("/").body(Bytes::from_static(body.as_bytes())).expect("a request");
        let publish = form("Action=Publish&Version=2010-03-31&Message=Your+code%3A+17");
        let publish = Write::of(&publish).expect("a write");
        assert_eq!((publish.service, publish.operation), (WriteService::Sns, "Publish"));
        assert!(publish.contains("code: 17") && !publish.contains("code%3A"));
        assert!(Write::of(&form("Action=Subscribe&Version=2010-03-31")).is_none());
    }

    #[test]
    fn text_is_found_in_messages_as_their_sender_wrote_it() {
        let request = request("AmazonSQS.SendMessage", r#"{"MessageBody":"{\"voucher_id\":\"vch_1\"}"}"#);
        let write = Write::of(&request).expect("a write");
        assert!(write.contains("vch_1") && write.contains(r#""voucher_id":"vch_1""#) && !write.contains("vch_2"));
    }

    #[test]
    fn a_rule_counts_the_writes_that_match_and_is_met_once() {
        let kill = |json: &str| Kill::parse(json.as_bytes()).expect("a rule").remove(0);
        let mut rules: Vec<Rule> = [
            r#"{"function":"vouchers-order","when":"before","write":2,"contains":"vch_1"}"#,
            r#"{"function":"vouchers-order","when":"after","service":"sqs"}"#,
        ]
        .map(|json| Rule::new(kill(json)))
        .into();
        let mut see = |function: &str, target: &str, body: &str| {
            let request = request(target, body);
            meet(&mut rules, function, &Write::of(&request).expect("a write")).map(|kill| kill.when)
        };
        let put = "DynamoDB_20120810.PutItem";
        assert_eq!(see("vouchers-order", put, "vch_1"), None, "the first");
        assert_eq!(see("vouchers-order", put, "vch_2"), None, "another purchase");
        assert_eq!(see("vouchers-settle", put, "vch_1"), None, "another function");
        assert_eq!(see("vouchers-order", put, "vch_1"), Some(When::Before), "the second");
        assert_eq!(see("vouchers-order", put, "vch_1"), None, "no more");
        assert_eq!(see("vouchers-order", "AmazonSQS.SendMessage", "x"), Some(When::After));
        assert!(rules.is_empty());
    }

    #[test]
    fn a_request_is_known_by_the_key_that_signed_it() {
        let mut headers = HeaderMap::new();
        assert_eq!(access_key(&headers), None);
        let signed = "AWS4-HMAC-SHA256 Credential=LOCALX00000000001/20261121/eu-west-1/sqs/aws4_request, SignedHeaders=host, Signature=0";
        headers.insert("authorization", signed.parse().expect("a header"));
        assert_eq!(access_key(&headers), Some("LOCALX00000000001"));
        headers.insert("authorization", "Bearer x".parse().expect("a header"));
        assert_eq!(access_key(&headers), None);
    }
}
