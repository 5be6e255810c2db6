//! A command as the body of a POST, for whoever stands before a database.

use crate::{
    error::{Error, ErrorKind, Result},
    http::Http,
};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use serde_json::Value as Json;

/// Where commands are sent, and with what.
pub(super) struct Post {
    pub(super) http: Http,
    pub(super) url: Uri,
    pub(super) headers: HeaderMap,
}

impl Post {
    /// The status of the answer, and its JSON where it is some.
    pub(super) async fn send(
        &self,
        body: String,
        repeatable: bool,
    ) -> Result<(StatusCode, Option<Json>)> {
        let mut request = Request::new(Bytes::from(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.url.clone();
        *request.headers_mut() = self.headers.clone();
        let response = if repeatable {
            self.http.ask(request).await?
        } else {
            self.http.tell(request).await?
        };
        let json = serde_json::from_slice(response.body()).ok();
        Ok((response.status(), json))
    }
}

/// What an answer means that is no reply: whether what was asked happened, a proxy's page does not tell.
pub(super) fn kind_of(status: StatusCode, repeatable: bool) -> ErrorKind {
    match repeatable {
        false if !status.is_client_error() => ErrorKind::OutcomeUnknown,
        true if status.is_server_error() => ErrorKind::Unavailable,
        _ => ErrorKind::Corrupt,
    }
}

/// The error of such an answer.
#[cold]
pub(super) fn no_reply(kind: ErrorKind, of: &str, status: StatusCode) -> Error {
    let message =
        format!("the server answered {status} with what is no reply of {of}: check `url`");
    Error::new(kind, message)
}
