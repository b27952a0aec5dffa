//! Errors as S3 names them.

use http::StatusCode;

/// What went wrong, under S3's own name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    BadDigest,
    BucketAlreadyOwnedByYou,
    BucketNotEmpty,
    EntityTooSmall,
    InternalError,
    InvalidArgument,
    InvalidBucketName,
    InvalidDigest,
    InvalidPart,
    InvalidPartOrder,
    InvalidRange,
    InvalidRequest,
    KeyTooLongError,
    MalformedXML,
    MethodNotAllowed,
    NoSuchBucket,
    NoSuchKey,
    NoSuchUpload,
    NotImplemented,
    NotModified,
    PreconditionFailed,
    XAmzContentSHA256Mismatch,
}

/// A refused call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct S3Error {
    pub kind: Kind,
    pub message: String,
    /// The bucket or key it is about.
    pub resource: String,
}

impl Kind {
    /// `NoSuchKey`.
    pub(crate) fn code(self) -> String {
        format!("{self:?}")
    }

    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::NotModified => StatusCode::NOT_MODIFIED,
            Self::NoSuchBucket | Self::NoSuchKey | Self::NoSuchUpload => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::BucketAlreadyOwnedByYou | Self::BucketNotEmpty => StatusCode::CONFLICT,
            Self::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Self::InvalidRange => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::InternalError => StatusCode::INTERNAL_SERVER_ERROR,
            Self::NotImplemented => StatusCode::NOT_IMPLEMENTED,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    fn message(self) -> &'static str {
        match self {
            Self::BadDigest => "The Content-MD5 you specified did not match what we received.",
            Self::BucketAlreadyOwnedByYou => {
                "Your previous request to create the named bucket succeeded and you already own it."
            }
            Self::BucketNotEmpty => "The bucket you tried to delete is not empty",
            Self::EntityTooSmall => "Your proposed upload is smaller than the minimum allowed size",
            Self::InternalError => "We encountered an internal error. Please try again.",
            Self::InvalidArgument => "Invalid Argument",
            Self::InvalidBucketName => "The specified bucket is not valid.",
            Self::InvalidDigest => "The Content-MD5 you specified was invalid.",
            Self::InvalidPart => {
                "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified \
                 entity tag may not match the part's entity tag."
            }
            Self::InvalidPartOrder => {
                "The list of parts was not in ascending order. Parts must be ordered by part number."
            }
            Self::InvalidRange => "The requested range is not satisfiable",
            Self::InvalidRequest => "Invalid Request",
            Self::KeyTooLongError => "Your key is too long",
            Self::MalformedXML => {
                "The XML you provided was not well-formed or did not validate against our published schema"
            }
            Self::MethodNotAllowed => "The specified method is not allowed against this resource.",
            Self::NoSuchBucket => "The specified bucket does not exist",
            Self::NoSuchKey => "The specified key does not exist.",
            Self::NoSuchUpload => {
                "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or \
                 completed."
            }
            Self::NotImplemented => "A header you provided implies functionality that is not implemented",
            Self::NotModified => "Not Modified",
            Self::PreconditionFailed => "At least one of the pre-conditions you specified did not hold",
            Self::XAmzContentSHA256Mismatch => {
                "The provided 'x-amz-content-sha256' header does not match what was computed."
            }
        }
    }

    /// About a bucket, a key or an upload.
    pub(crate) fn of(self, resource: &str) -> S3Error {
        S3Error { kind: self, message: self.message().to_owned(), resource: resource.to_owned() }
    }

    /// With a message of its own.
    pub(crate) fn because(self, message: impl Into<String>) -> S3Error {
        S3Error { kind: self, message: message.into(), resource: String::new() }
    }
}

impl From<std::io::Error> for S3Error {
    fn from(error: std::io::Error) -> Self {
        Kind::InternalError.because(error.to_string())
    }
}

impl From<rusqlite::Error> for S3Error {
    fn from(error: rusqlite::Error) -> Self {
        Kind::InternalError.because(error.to_string())
    }
}
