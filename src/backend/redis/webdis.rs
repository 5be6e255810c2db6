//! Webdis: a command in the body of a POST, its arguments percent-encoded between slashes.

use super::{Commands, Reply};
use crate::{
    error::{Error, ErrorKind, Result},
    http::Http,
    maybe_send::BoxFuture,
};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use serde_json::Value as Json;

/// A Redis behind Webdis.
pub struct Webdis {
    http: Http,
    url: Uri,
    authorization: Option<HeaderValue>,
}

impl Webdis {
    /// `authorization` is the whole header, as for HTTP's basic authentication.
    #[must_use]
    pub fn new(http: Http, url: Uri, authorization: Option<HeaderValue>) -> Webdis {
        Webdis {
            http,
            url,
            authorization,
        }
    }

    async fn send(&self, command: &[&str], repeatable: bool) -> Result<Reply> {
        let name = command.first().copied().unwrap_or_default();
        let mut request = Request::new(Bytes::from(body(command)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.url.clone();
        if let Some(authorization) = &self.authorization {
            request
                .headers_mut()
                .insert(header::AUTHORIZATION, authorization.clone());
        }
        let response = if repeatable {
            self.http.ask(request).await?
        } else {
            self.http.tell(request).await?
        };
        let status = response.status();
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Err(Error::new(
                ErrorKind::AccessDenied,
                format!("Webdis does not allow {name} to us: see `acl` in its configuration"),
            ));
        }
        let answer: Option<Json> = serde_json::from_slice(response.body()).ok();
        let reply = match answer {
            Some(Json::Object(mut answer)) => answer.remove(name),
            _ => None,
        };
        reply.and_then(reply_of).ok_or_else(|| {
            let kind = match (status, repeatable) {
                (status, false) if !status.is_client_error() => ErrorKind::OutcomeUnknown,
                (status, true) if status.is_server_error() => ErrorKind::Unavailable,
                _ => ErrorKind::Corrupt,
            };
            let message = format!(
                "the server answered {status} with what is no reply of Webdis: check `url`"
            );
            Error::new(kind, message)
        })
    }
}

/// An error is `[false, text]`, a status `[true, text]`; no array of ours begins with a boolean.
fn reply_of(json: Json) -> Option<Reply> {
    match json {
        Json::Array(mut items) if matches!(items.first(), Some(Json::Bool(_))) => {
            let Some(Json::String(text)) = items.pop() else {
                return None;
            };
            Some(match items.first() {
                Some(Json::Bool(true)) => Reply::Text(text.into()),
                _ => Reply::Error(text.into()),
            })
        }
        json => Reply::from_json(json),
    }
}

/// Every byte but letters, digits, `-` and `_` is encoded: a slash ends an argument, and a dot near the
/// end of the last one would name a format.
fn body(command: &[&str]) -> String {
    let mut body = String::new();
    for (at, argument) in command.iter().enumerate() {
        if at > 0 {
            body.push('/');
        }
        for byte in argument.bytes() {
            if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' {
                body.push(char::from(byte));
            } else {
                const HEX: &[u8; 16] = b"0123456789ABCDEF";
                body.push('%');
                body.push(char::from(HEX[usize::from(byte >> 4)]));
                body.push(char::from(HEX[usize::from(byte & 15)]));
            }
        }
    }
    body
}

impl Commands for Webdis {
    fn call<'a>(
        &'a self,
        command: &'a [&'a str],
        repeatable: bool,
    ) -> BoxFuture<'a, Result<Reply>> {
        Box::pin(self.send(command, repeatable))
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn arguments_are_encoded() {
        let body = super::body(&["SET", "a/b.txt", "ä 1"]);
        assert_eq!(body, "SET/a%2Fb%2Etxt/%C3%A4%201");
    }
}
