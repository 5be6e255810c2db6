//! Commands and replies, however they travel.

use crate::{
    error::{Error, ErrorKind, Result},
    maybe_send::{BoxFuture, MaybeSend, MaybeSync},
};

/// A way to a Redis.
pub trait Commands: MaybeSend + MaybeSync {
    /// Sends one command. It holds only text, no NUL, and no empty argument but as the last one. May it
    /// be sent again after a lost answer? (`repeatable`)
    ///
    /// # Errors
    /// `outcome-unknown` where the answer to what is not repeatable was lost, otherwise that nothing
    /// was done. What Redis itself refuses is a [`Reply::Error`].
    fn call<'a>(&'a self, command: &'a [&'a str], repeatable: bool)
    -> BoxFuture<'a, Result<Reply>>;
}

impl<C: Commands + ?Sized> Commands for Box<C> {
    fn call<'a>(
        &'a self,
        command: &'a [&'a str],
        repeatable: bool,
    ) -> BoxFuture<'a, Result<Reply>> {
        (**self).call(command, repeatable)
    }
}

/// What Redis answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Nothing.
    Nil,
    /// An integer.
    Integer(i64),
    /// A string.
    Text(Box<str>),
    /// An array.
    Many(Vec<Reply>),
    /// A refusal, in Redis's words.
    Error(Box<str>),
}

impl Reply {
    pub(super) fn text(&self) -> Result<&str> {
        match self {
            Reply::Text(text) => Ok(text),
            _ => Err(super::record::strange("a command")),
        }
    }

    /// The reply, unless it is a refusal.
    pub(super) fn or_error(self) -> Result<Reply> {
        match self {
            Reply::Error(text) => Err(refusal(&text)),
            reply => Ok(reply),
        }
    }

    /// The JSON of a reply: `null`, number, string, array.
    pub(super) fn from_json(json: serde_json::Value) -> Option<Reply> {
        use serde_json::Value as Json;
        Some(match json {
            Json::Null => Reply::Nil,
            Json::Number(n) => Reply::Integer(n.as_i64()?),
            Json::String(text) => Reply::Text(text.into()),
            Json::Array(items) => {
                let items: Option<Vec<Reply>> = items.into_iter().map(Reply::from_json).collect();
                Reply::Many(items?)
            }
            Json::Bool(_) | Json::Object(_) => return None,
        })
    }
}

/// Redis's error prefixes (redis.io, "Redis serialization protocol specification", simple errors; the
/// server's `src/server.c`, shared errors).
fn refusal(text: &str) -> Error {
    let prefix = text.split(' ').next().unwrap_or_default();
    let (kind, what) = match prefix {
        "NOAUTH" | "WRONGPASS" | "NOPERM" => (
            ErrorKind::AccessDenied,
            "Redis refuses these credentials, or they allow less",
        ),
        "OOM" => (ErrorKind::QuotaExceeded, "Redis has no memory left"),
        "LOADING" | "BUSY" | "CLUSTERDOWN" | "MASTERDOWN" | "TRYAGAIN" | "READONLY"
        | "NOREPLICAS" | "UNBLOCKED" => (ErrorKind::Unavailable, "Redis cannot do this now"),
        "WRONGTYPE" => (
            ErrorKind::Corrupt,
            "what Redis holds under this key's name is no record of this store",
        ),
        "MOVED" | "ASK" | "CROSSSLOT" => (
            ErrorKind::Unsupported,
            "this is one node of a Redis Cluster: use a client or an endpoint that knows the cluster",
        ),
        _ => (ErrorKind::Unsupported, "Redis refuses a command"),
    };
    Error::new(kind, format!("{what}: {text}"))
}
