//! What the queues of a purchase carry: the order, what came of it, and the SMS that tells the buyer.

use serde::{Deserialize, Deserializer, Serialize, de};

use super::{Outcome, Purchase, State, VoucherCode};
use crate::{
    id::VoucherId,
    sms::{Sms, SmsId, SmsText},
};

/// Longest reason kept, in characters.
const MAX_REASON: usize = 200;

/// The message of `VoucherOrderQueue`: this purchase is to be ordered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderMessage {
    /// Which one.
    #[serde(deserialize_with = "voucher_id")]
    pub voucher_id: VoucherId,
}

/// The message of `VoucherOrderResultQueue`: what came of an order. Prints no voucher.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResultMessage {
    /// Which purchase.
    #[serde(deserialize_with = "voucher_id")]
    pub voucher_id: VoucherId,
    /// What is known of it.
    pub outcome: Report,
}

/// An outcome on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case", deny_unknown_fields)]
pub enum Report {
    /// The supplier delivered.
    Delivered {
        /// The voucher.
        #[serde(with = "code")]
        code: VoucherCode,
        /// The supplier's own number of the order.
        #[serde(default)]
        supplier_order: Option<String>,
    },
    /// Nothing was or will be delivered, surely.
    Refused {
        /// Why.
        reason: String,
    },
    /// Nobody knows.
    Unknown {
        /// What kept the answer away, for the log.
        #[serde(default)]
        cause: String,
        /// Whether the supplier said that it has the order.
        #[serde(default)]
        acknowledged: bool,
    },
}

impl Report {
    /// What it means for the purchase.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Delivered { code, supplier_order } => {
                Outcome::Delivered { code: code.clone(), supplier_order: supplier_order.clone() }
            }
            Self::Refused { reason } => Outcome::Refused { reason: reason.chars().take(MAX_REASON).collect() },
            Self::Unknown { acknowledged, .. } => Outcome::Unknown { acknowledged: *acknowledged },
        }
    }

    /// As it is logged.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Delivered { .. } => "delivered",
            Self::Refused { .. } => "refused",
            Self::Unknown { .. } => "unknown",
        }
    }
}

impl Purchase {
    /// The order of this purchase, for its queue.
    pub fn order(&self) -> OrderMessage {
        OrderMessage { voucher_id: self.id.clone() }
    }

    /// What came of its order, for the queue of results.
    pub fn result(&self, outcome: Report) -> ResultMessage {
        ResultMessage { voucher_id: self.id.clone(), outcome }
    }

    /// The SMS that tells its outcome; `None` while there is none, or if `support` cannot stand in an SMS.
    pub fn sms(&self, support: &str) -> Option<Sms> {
        let name = &self.product_name;
        let text = match &self.state {
            State::Delivered { code, .. } => format!("Florin: your voucher code for {name} is {}.", code.as_str()),
            State::Refused { .. } => {
                format!("Florin: your order of {name} failed and you were not charged. Support: {support}")
            }
            State::Held { .. } | State::Submitted { .. } | State::Unknown { .. } => return None,
        };
        let (id, text) = (SmsId::parse(&self.sms_id())?, SmsText::parse(&text)?);
        Some(Sms { id, to: self.phone.clone(), text, not_after: None })
    }
}

fn voucher_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<VoucherId, D::Error> {
    VoucherId::parse(&String::deserialize(deserializer)?).ok_or_else(|| de::Error::custom("no id of a purchase"))
}

/// A voucher code in a message: read as strictly as from the supplier.
mod code {
    use serde::{Deserialize, Deserializer, Serializer, de};

    use crate::voucher::VoucherCode;

    pub(super) fn serialize<S: Serializer>(code: &VoucherCode, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(code.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<VoucherCode, D::Error> {
        VoucherCode::parse(&String::deserialize(deserializer)?).ok_or_else(|| de::Error::custom("no voucher code"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ResultMessage, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn results_are_written_as_they_are_read() {
        for text in [
            r#"{"voucher_id":"vch_1","outcome":{"status":"delivered","code":"A-1","supplier_order":"o1"}}"#,
            r#"{"voucher_id":"vch_1","outcome":{"status":"delivered","code":"A-1","supplier_order":null}}"#,
            r#"{"voucher_id":"vch_1","outcome":{"status":"refused","reason":"no stock"}}"#,
            r#"{"voucher_id":"vch_1","outcome":{"status":"unknown","cause":"timeout","acknowledged":false}}"#,
            r#"{"voucher_id":"vch_1","outcome":{"status":"unknown","cause":"processing","acknowledged":true}}"#,
        ] {
            let message = read(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(serde_json::to_string(&message).ok().as_deref(), Some(text));
            assert!(!format!("{message:?}").contains("A-1"));
        }
        assert!(read(r#"{"voucher_id":"vch_1","outcome":{"status":"unknown"}}"#).is_ok());
    }

    #[test]
    fn what_is_no_result_is_refused_without_quoting_it() {
        for text in [
            r#"{}"#,
            r#"{"voucher_id":"trf_1","outcome":{"status":"unknown"}}"#,
            r#"{"voucher_id":"vch_1"}"#,
            r#"{"voucher_id":"vch_1","outcome":{"status":"lost"}}"#,
            r#"{"voucher_id":"vch_1","outcome":{"status":"delivered"}}"#,
            r#"{"voucher_id":"vch_1","outcome":{"status":"delivered","code":"S E C"}}"#,
            r#"{"voucher_id":"vch_1","outcome":{"status":"delivered","code":7}}"#,
            r#"{"voucher_id":"vch_1","outcome":{"status":"refused","reason":"x","more":1}}"#,
            r#"{"voucher_id":"vch_1","outcome":{"status":"unknown"},"more":1}"#,
        ] {
            let error = read(text).expect_err(text);
            assert!(!error.contains("S E C"), "{error}");
        }
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let report = Report::Refused { reason: "é".repeat(500) };
        assert_eq!(report.outcome(), Outcome::Refused { reason: "é".repeat(200) });
    }
}
