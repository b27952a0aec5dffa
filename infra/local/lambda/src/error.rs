//! Why an invocation brought no answer, in Lambda's own names and words.

use std::time::Duration;

/// What came instead of a response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvokeError {
    /// The function reported an error (or answered more than 6 MB).
    #[error("{error_type}: {message}")]
    Function {
        /// Name of the error.
        error_type: String,
        /// Its text.
        message: String,
        /// Frames, if the function gave any.
        stack: Vec<String>,
    },
    /// The function took longer than its timeout; its process was killed.
    #[error("RequestId: {request_id} Error: Task timed out after {:.2} seconds", after.as_secs_f64())]
    Timeout {
        /// The invocation.
        request_id: String,
        /// The limit that was passed.
        after: Duration,
    },
    /// The process ended, or could not be started or initialised, before it answered.
    #[error("{message}")]
    Exited {
        /// Lambda's name for it, such as `Runtime.ExitError`.
        error_type: String,
        /// Its text, with the request id.
        message: String,
    },
    /// No process became free in time, or too many calls wait already.
    #[error("Rate Exceeded.")]
    Throttled,
    /// No such function.
    #[error("Function not found: {0}")]
    NotFound(String),
    /// The request is larger than 6 MB; its size in bytes.
    #[error("{0} byte payload is too large for the RequestResponse invocation type (limit {limit} bytes)", limit = crate::PAYLOAD_LIMIT)]
    PayloadTooLarge(usize),
    /// The pool is shutting down.
    #[error("The service is shutting down.")]
    ShuttingDown,
}

impl InvokeError {
    /// Whether the function itself failed (AWS answers 200 with `X-Amz-Function-Error: Unhandled`), as
    /// opposed to a call that never reached it.
    pub fn is_function_error(&self) -> bool {
        matches!(self, InvokeError::Function { .. } | InvokeError::Timeout { .. } | InvokeError::Exited { .. })
    }

    /// Lambda's name of the error.
    pub fn error_type(&self) -> &str {
        match self {
            InvokeError::Function { error_type, .. } | InvokeError::Exited { error_type, .. } => error_type,
            InvokeError::Timeout { .. } => "Sandbox.Timedout",
            InvokeError::Throttled => "TooManyRequestsException",
            InvokeError::NotFound(_) => "ResourceNotFoundException",
            InvokeError::PayloadTooLarge(_) => "RequestTooLargeException",
            InvokeError::ShuttingDown => "ServiceException",
        }
    }

    /// The payload AWS answers a failed invocation with: `errorMessage`, `errorType` and, if there is
    /// one, `stackTrace`.
    pub fn payload(&self) -> serde_json::Value {
        let message = match self {
            InvokeError::Function { message, .. } => message.clone(),
            other => other.to_string(),
        };
        let mut body = serde_json::json!({"errorType": self.error_type(), "errorMessage": message});
        if let InvokeError::Function { stack, .. } = self
            && !stack.is_empty()
        {
            body["stackTrace"] = serde_json::json!(stack);
        }
        body
    }
}
