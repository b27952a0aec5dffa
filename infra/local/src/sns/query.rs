//! The AWS query protocol: requests are forms with flattened lists and maps, answers are XML.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use local_sqs::{MessageAttribute, MessageAttributes};

/// The fields of a form-encoded request, in order.
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    pub(super) fn parse(body: &[u8]) -> Self {
        Self(form_urlencoded::parse(body).into_owned().collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The value of an entry of the map `Attributes`.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        (1..)
            .map_while(|n| Some((self.get(&format!("Attributes.entry.{n}.key"))?, n)))
            .find(|(key, _)| *key == name)
            .and_then(|(_, n)| self.get(&format!("Attributes.entry.{n}.value")))
    }

    /// The message attributes, binary values in base64 as they came.
    pub(super) fn message_attributes(&self) -> MessageAttributes {
        let entry = |n: usize| {
            let field = |name: &str| self.get(&format!("MessageAttributes.entry.{n}.{name}")).map(str::to_owned);
            let attribute = MessageAttribute {
                data_type: field("Value.DataType")?,
                string_value: field("Value.StringValue"),
                binary_value: field("Value.BinaryValue").filter(|value| BASE64.decode(value).is_ok()),
            };
            Some((field("Name")?, attribute))
        };
        (1..).map_while(entry).collect()
    }
}

/// An element with a text.
pub(super) fn tag(name: &str, text: &str) -> String {
    tag_raw(name, &escape(text))
}

/// An element with elements in it.
pub(super) fn tag_raw(name: &str, xml: &str) -> String {
    format!("<{name}>{xml}</{name}>")
}

/// A text as it may stand in XML.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
