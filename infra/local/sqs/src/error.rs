//! What SQS answers when it refuses. The names are those of the service: each error has the shape name that
//! travels in `__type` and the older query code that travels in `x-amzn-query-error`, which is the one the
//! SDKs match on.

/// A refused or failed call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", kind.query_code())]
pub struct SqsError {
    /// Which error of the service it is.
    pub kind: ErrorKind,
    /// The text for a person.
    pub message: String,
}

macro_rules! kinds {
    ($($kind:ident = $query_code:literal),+ $(,)?) => {
        /// The errors of the service that this crate answers with.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the names are those of the SQS API reference")]
        pub enum ErrorKind { $($kind),+ }

        impl ErrorKind {
            /// The name in `__type`, without its namespace.
            pub fn shape(self) -> &'static str {
                match self { $(Self::$kind => stringify!($kind)),+ }
            }

            /// The name in `x-amzn-query-error`, and in the failed entries of a batch.
            pub fn query_code(self) -> &'static str {
                match self { $(Self::$kind => $query_code),+ }
            }
        }
    };
}

kinds! {
    BatchEntryIdsNotDistinct = "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
    BatchRequestTooLong = "AWS.SimpleQueueService.BatchRequestTooLong",
    EmptyBatchRequest = "AWS.SimpleQueueService.EmptyBatchRequest",
    InternalFailure = "InternalFailure",
    InvalidAction = "InvalidAction",
    InvalidAddress = "InvalidAddress",
    InvalidAttributeName = "InvalidAttributeName",
    InvalidAttributeValue = "InvalidAttributeValue",
    InvalidBatchEntryId = "AWS.SimpleQueueService.InvalidBatchEntryId",
    InvalidMessageContents = "InvalidMessageContents",
    InvalidParameterValue = "InvalidParameterValue",
    MessageNotInflight = "AWS.SimpleQueueService.MessageNotInflight",
    MissingParameter = "MissingParameter",
    OverLimit = "OverLimit",
    PurgeQueueInProgress = "AWS.SimpleQueueService.PurgeQueueInProgress",
    QueueDeletedRecently = "AWS.SimpleQueueService.QueueDeletedRecently",
    QueueDoesNotExist = "AWS.SimpleQueueService.NonExistentQueue",
    QueueNameExists = "QueueAlreadyExists",
    ReceiptHandleIsInvalid = "ReceiptHandleIsInvalid",
    ResourceNotFoundException = "ResourceNotFoundException",
    SerializationException = "SerializationException",
    TooManyEntriesInBatchRequest = "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
    UnsupportedOperation = "AWS.SimpleQueueService.UnsupportedOperation",
}

impl ErrorKind {
    /// An error of this kind with its text.
    pub(crate) fn because(self, message: impl Into<String>) -> SqsError {
        SqsError { kind: self, message: message.into() }
    }

    /// Whether the caller is at fault, and not the queue.
    pub fn is_sender_fault(self) -> bool {
        self != Self::InternalFailure
    }
}

impl SqsError {
    /// A parameter with a value the service does not take.
    pub(crate) fn invalid(parameter: &str, value: impl std::fmt::Display, reason: &str) -> Self {
        ErrorKind::InvalidParameterValue
            .because(format!("Value {value} for parameter {parameter} is invalid. Reason: {reason}"))
    }

    /// A parameter that only the other type of queue takes.
    pub(crate) fn wrong_queue_type(parameter: &str, value: impl std::fmt::Display) -> Self {
        Self::invalid(parameter, value, "The request include parameter that is not valid for this queue type.")
    }

    /// A required parameter that is absent.
    pub(crate) fn missing(parameter: &str) -> Self {
        ErrorKind::MissingParameter.because(format!("The request must contain the parameter {parameter}."))
    }

    /// No queue of that name.
    pub(crate) fn no_queue() -> Self {
        ErrorKind::QueueDoesNotExist.because("The specified queue does not exist.")
    }
}

impl From<rusqlite::Error> for SqsError {
    fn from(error: rusqlite::Error) -> Self {
        ErrorKind::InternalFailure.because(format!("queue store: {error}"))
    }
}

impl From<serde_json::Error> for SqsError {
    fn from(error: serde_json::Error) -> Self {
        ErrorKind::InternalFailure.because(format!("queue store: {error}"))
    }
}
