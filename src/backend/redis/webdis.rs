//! Webdis: a command in the body of a POST, its arguments percent-encoded between slashes.

use super::{Commands, Reply};
use crate::{
    backend::post::{Post, kind_of, no_reply},
    error::{Error, ErrorKind, Result},
    http::Http,
    maybe_send::BoxFuture,
};
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value as Json;

/// A Redis behind Webdis.
pub struct Webdis(Post);

impl Webdis {
    /// `authorization` is the whole header, as for HTTP's basic authentication.
    #[must_use]
    pub fn new(http: Http, url: Uri, authorization: Option<HeaderValue>) -> Webdis {
        let mut headers = HeaderMap::new();
        if let Some(authorization) = authorization {
            headers.insert(header::AUTHORIZATION, authorization);
        }
        Webdis(Post { http, url, headers })
    }

    async fn send(&self, command: &[&str], repeatable: bool) -> Result<Reply> {
        let name = command.first().copied().unwrap_or_default();
        let (status, answer) = self.0.send(body(command), repeatable).await?;
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Err(Error::new(
                ErrorKind::AccessDenied,
                format!("Webdis does not allow {name} to us: see `acl` in its configuration"),
            ));
        }
        let reply = match answer {
            Some(Json::Object(mut answer)) => answer.remove(name),
            _ => None,
        };
        reply
            .and_then(reply_of)
            .ok_or_else(|| no_reply(kind_of(status, repeatable), "Webdis", status))
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

/// A slash ends an argument, and a dot near the end of the last one would name a format.
const ENCODED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_');

fn body(command: &[&str]) -> String {
    let encode = |argument: &&str| utf8_percent_encode(argument, &ENCODED).to_string();
    let encoded: Vec<String> = command.iter().map(encode).collect();
    encoded.join("/")
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
