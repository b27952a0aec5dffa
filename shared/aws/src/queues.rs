//! Queues that functions send to. Receiving is Lambda's; see `edge::sqs`.

use std::time::Duration;

use aws_sdk_sqs::{Client, operation::send_message::builders::SendMessageFluentBuilder};
use serde::Serialize;

use crate::{http, store::StoreError};

/// The longest delay of a message. Source: SQS `SendMessage`, `DelaySeconds`.
pub const LONGEST_DELAY: Duration = Duration::from_secs(900);

/// One queue.
#[derive(Clone, Debug)]
pub struct Queue {
    client: Client,
    url: String,
}

impl Queue {
    /// The queue behind this URL.
    pub fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }

    /// Sends a message as JSON; it is handed out at least once, not before `delay` has passed. The delay is rounded
    /// up to whole seconds and ends at [`LONGEST_DELAY`]: who needs longer sends again on arrival. After an error the
    /// message may have been sent all the same.
    pub async fn send(&self, message: &impl Serialize, delay: Duration) -> Result<(), StoreError> {
        let delay = whole_seconds(delay.min(LONGEST_DELAY));
        self.sent(self.message(message)?.delay_seconds(delay)).await
    }

    /// Sends a message as JSON to a FIFO queue: behind those of its group, and not again if one with the same
    /// deduplication id was sent to it less than five minutes ago. After an error it may have been sent all the same.
    pub async fn send_in_order(
        &self,
        message: &impl Serialize,
        group: &str,
        deduplication_id: &str,
    ) -> Result<(), StoreError> {
        let message = self.message(message)?.message_group_id(group).message_deduplication_id(deduplication_id);
        self.sent(message).await
    }

    fn message(&self, message: &impl Serialize) -> Result<SendMessageFluentBuilder, StoreError> {
        let body = serde_json::to_string(message).map_err(|error| StoreError::corrupt(error.to_string()))?;
        Ok(self.client.send_message().queue_url(&self.url).message_body(body))
    }

    async fn sent(&self, message: SendMessageFluentBuilder) -> Result<(), StoreError> {
        match message.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(StoreError::Unavailable(format!("queue: {}", http::name(&error)))),
        }
    }
}

fn whole_seconds(delay: Duration) -> i32 {
    let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
    i32::try_from(seconds).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_never_shorter_than_asked() {
        for (millis, seconds) in [(0, 0), (1, 1), (999, 1), (1_000, 1), (1_001, 2), (900_000, 900)] {
            assert_eq!(whole_seconds(Duration::from_millis(millis)), seconds, "{millis} ms");
        }
    }
}
