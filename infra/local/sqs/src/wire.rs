//! The wire protocol: AWS JSON 1.0 with the operation in `X-Amz-Target`, errors compatible with the older
//! query protocol. Nothing here decides about messages; it reads requests and writes answers.

mod batch;
mod messages;
mod queues;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::error::{ErrorKind, SqsError};
use crate::{Sqs, message};

/// The header in which a traced caller names its trace.
const TRACE_HEADER: &str = "x-amzn-trace-id";

pub(crate) async fn handle(sqs: &Sqs, request: Request<Bytes>) -> Response<Bytes> {
    let (parts, body) = request.into_parts();
    let operation = parts
        .headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok())
        .and_then(|target| target.strip_prefix("AmazonSQS."))
        .unwrap_or_default();
    match dispatch(sqs, operation, &parts.headers, &body).await {
        Ok(answer) => response(StatusCode::OK, &answer, None),
        Err(error) => refusal(&error),
    }
}

async fn dispatch(sqs: &Sqs, operation: &str, headers: &HeaderMap, body: &Bytes) -> Result<Value, SqsError> {
    let trace = headers.get(TRACE_HEADER).and_then(|value| value.to_str().ok());
    match operation {
        "CreateQueue" => queues::create(sqs, parse(body)?),
        "DeleteQueue" => queues::delete(sqs, &parse(body)?),
        "GetQueueUrl" => queues::url(sqs, &parse(body)?),
        "ListQueues" => queues::list(sqs, &parse(body)?),
        "GetQueueAttributes" => queues::attributes(sqs, &parse(body)?),
        "SetQueueAttributes" => queues::set_attributes(sqs, parse(body)?),
        "PurgeQueue" => queues::purge(sqs, &parse(body)?),
        "TagQueue" => queues::tag(sqs, parse(body)?),
        "UntagQueue" => queues::untag(sqs, parse(body)?),
        "ListQueueTags" => queues::tags(sqs, &parse(body)?),
        "ListDeadLetterSourceQueues" => queues::dead_letter_sources(sqs, &parse(body)?),
        "StartMessageMoveTask" => queues::start_move(sqs, &parse(body)?),
        "ListMessageMoveTasks" => queues::list_moves(sqs, &parse(body)?),
        "CancelMessageMoveTask" => queues::cancel_move(sqs, &parse(body)?),
        "SendMessage" => messages::send(sqs, parse(body)?, trace),
        "ReceiveMessage" => messages::receive(sqs, parse(body)?).await,
        "DeleteMessage" => messages::delete(sqs, &parse(body)?),
        "ChangeMessageVisibility" => messages::change_visibility(sqs, &parse(body)?),
        "SendMessageBatch" => batch::send(sqs, parse(body)?, trace),
        "DeleteMessageBatch" => batch::delete(sqs, parse(body)?),
        "ChangeMessageVisibilityBatch" => batch::change_visibility(sqs, parse(body)?),
        "AddPermission" | "RemovePermission" => {
            Err(ErrorKind::UnsupportedOperation.because("Queue permissions are not part of the local queues."))
        }
        other => Err(ErrorKind::InvalidAction.because(format!("The action {other} is not valid for this endpoint."))),
    }
}

fn parse<T: DeserializeOwned>(body: &Bytes) -> Result<T, SqsError> {
    let body: &[u8] = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| ErrorKind::SerializationException.because(error.to_string()))
}

/// The value of a required parameter.
fn required<T>(name: &str, value: Option<T>) -> Result<T, SqsError> {
    value.ok_or_else(|| SqsError::missing(name))
}

/// The queue's name in its URL. Any host will do, as with every SDK that signs for an endpoint of its own.
fn queue_of_url<'a>(sqs: &Sqs, url: Option<&'a String>) -> Result<&'a str, SqsError> {
    let url = required("QueueUrl", url)?;
    let mut segments = url.rsplit('/');
    match (segments.next(), segments.next()) {
        (Some(name), Some(account)) if account == sqs.account() => Ok(name),
        // The CLI and boto3 accept a bare name as well.
        (Some(name), None) if !name.is_empty() => Ok(name),
        (Some(_), Some(_)) => Err(SqsError::no_queue()),
        _ => Err(ErrorKind::InvalidAddress.because(format!("The address {url} is not valid for this endpoint."))),
    }
}

fn refusal(error: &SqsError) -> Response<Bytes> {
    let (status, fault) = if error.kind.is_sender_fault() {
        (StatusCode::BAD_REQUEST, "Sender")
    } else {
        (StatusCode::INTERNAL_SERVER_ERROR, "Receiver")
    };
    let body = json!({
        "__type": format!("com.amazonaws.sqs#{}", error.kind.shape()),
        "message": error.message,
    });
    response(status, &body, Some(format!("{};{fault}", error.kind.query_code())))
}

fn response(status: StatusCode, body: &Value, query_error: Option<String>) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/x-amz-json-1.0"));
    let mut text = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    };
    text("x-amzn-requestid", message::message_id());
    if let Some(code) = query_error {
        text("x-amzn-query-error", code);
    }
    response
}
