//! One error for every operation, backend and binding.

use std::fmt;

/// What went wrong, the same in Rust, JavaScript (`KVError.code`) and WIT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A key or a namespace breaks a rule; the rule is in the message.
    InvalidKey,
    /// A pattern could not be read; the position is in the message.
    InvalidPattern,
    /// An argument or option is unknown, out of bounds or of the wrong type.
    InvalidArgument,
    /// The stored value is of a type that the operation does not work on.
    TypeMismatch,
    /// Something that must exist (a bucket, an index, a table) does not.
    NotFound,
    /// Other writers kept winning, more often than the retry bound allows.
    Conflict,
    /// The backend cannot do this.
    Unsupported,
    /// Credentials are missing, wrong, or allow less than was asked.
    AccessDenied,
    /// The store is full.
    QuotaExceeded,
    /// The backend cannot be reached, or asks to come back later.
    Unavailable,
    /// No answer in time.
    Timeout,
    /// The caller aborted the operation.
    Aborted,
    /// The store was closed.
    Closed,
    /// What is stored cannot be read.
    Corrupt,
    /// An answer was lost and it cannot be told whether the write happened.
    OutcomeUnknown,
}

impl ErrorKind {
    /// Every kind, in the order of the specification.
    pub const ALL: [ErrorKind; 15] = [
        ErrorKind::InvalidKey,
        ErrorKind::InvalidPattern,
        ErrorKind::InvalidArgument,
        ErrorKind::TypeMismatch,
        ErrorKind::NotFound,
        ErrorKind::Conflict,
        ErrorKind::Unsupported,
        ErrorKind::AccessDenied,
        ErrorKind::QuotaExceeded,
        ErrorKind::Unavailable,
        ErrorKind::Timeout,
        ErrorKind::Aborted,
        ErrorKind::Closed,
        ErrorKind::Corrupt,
        ErrorKind::OutcomeUnknown,
    ];

    /// The kind's name as JavaScript and WIT spell it.
    ///
    /// ```
    /// assert_eq!(dataknobs_kv::ErrorKind::InvalidKey.code(), "invalid-key");
    /// ```
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            ErrorKind::InvalidKey => "invalid-key",
            ErrorKind::InvalidPattern => "invalid-pattern",
            ErrorKind::InvalidArgument => "invalid-argument",
            ErrorKind::TypeMismatch => "type-mismatch",
            ErrorKind::NotFound => "not-found",
            ErrorKind::Conflict => "conflict",
            ErrorKind::Unsupported => "unsupported",
            ErrorKind::AccessDenied => "access-denied",
            ErrorKind::QuotaExceeded => "quota-exceeded",
            ErrorKind::Unavailable => "unavailable",
            ErrorKind::Timeout => "timeout",
            ErrorKind::Aborted => "aborted",
            ErrorKind::Closed => "closed",
            ErrorKind::Corrupt => "corrupt",
            ErrorKind::OutcomeUnknown => "outcome-unknown",
        }
    }

    /// The kind of a [`code`](ErrorKind::code), or `None` for any other text.
    #[must_use]
    pub fn from_code(code: &str) -> Option<ErrorKind> {
        ErrorKind::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// Whether the same call may succeed later without a change to it.
    #[must_use]
    pub const fn retryable(self) -> bool {
        matches!(
            self,
            ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::Conflict
        )
    }
}

/// An error: its kind, a message that says what to do, and the key it is about.
///
/// One pointer wide, so that `Result` stays small on the hot paths.
#[derive(Clone, PartialEq, Eq)]
pub struct Error(Box<Inner>);

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    kind: ErrorKind,
    message: String,
    key: Option<Box<str>>,
}

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of `kind`; `message` says what was wrong and what to do, and holds no secret.
    #[cold]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error(Box::new(Inner {
            kind,
            message: message.into(),
            key: None,
        }))
    }

    /// The same error, about `key`. A key that is already named stays.
    #[cold]
    #[must_use]
    pub fn with_key(mut self, key: &str) -> Error {
        self.0.key.get_or_insert_with(|| key.into());
        self
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What was wrong and what to do about it, for people.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The key that the error is about, where there is one.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.0.key.as_deref()
    }

    /// Whether the same call may succeed later without a change to it.
    #[must_use]
    pub fn retryable(&self) -> bool {
        self.0.kind.retryable()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.kind.code(), self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("key", &self.0.key)
            .finish()
    }
}

impl std::error::Error for Error {}
