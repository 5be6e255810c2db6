//! Upstash's REST interface: a command as a JSON array (Upstash's documentation, "REST API").

use super::{Commands, Reply};
use crate::{
    backend::post::{Post, kind_of, no_reply},
    error::{Error, ErrorKind, Result},
    http::Http,
    maybe_send::BoxFuture,
};
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use serde_json::Value as Json;

/// A Redis behind Upstash's REST interface, or a gateway that speaks it.
pub struct Upstash(Post);

impl Upstash {
    /// `url` and `token` as the console shows them.
    ///
    /// # Errors
    /// `invalid-argument`: `token` holds what no header may.
    pub fn new(http: Http, url: Uri, token: &str) -> Result<Upstash> {
        let mut token = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| {
            Error::new(
                ErrorKind::InvalidArgument,
                "the token holds a character that no header may hold",
            )
        })?;
        token.set_sensitive(true);
        let json = HeaderValue::from_static("application/json");
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, token);
        headers.insert(header::CONTENT_TYPE, json);
        Ok(Upstash(Post { http, url, headers }))
    }

    async fn send(&self, command: &[&str], repeatable: bool) -> Result<Reply> {
        let body = Json::from(command).to_string();
        let (status, answer) = self.0.send(body, repeatable).await?;
        let not_upstash = |kind| no_reply(kind, "Upstash", status);
        match (status, answer) {
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) => Err(Error::new(
                ErrorKind::AccessDenied,
                "the server refuses the token: check `url` and `token`",
            )),
            (StatusCode::PAYLOAD_TOO_LARGE, _) => Err(Error::new(
                ErrorKind::QuotaExceeded,
                "the server takes no request of this size: write less at a time",
            )),
            (StatusCode::NOT_FOUND, _) => Err(not_upstash(ErrorKind::NotFound)),
            // A refusal of Redis's own is a 400.
            (StatusCode::OK | StatusCode::BAD_REQUEST, Some(Json::Object(mut answer))) => {
                let result = answer.remove("result").map(Reply::from_json);
                match (result, answer.remove("error")) {
                    (Some(Some(reply)), _) => Ok(reply),
                    (None, Some(Json::String(error))) => Ok(Reply::Error(error.into())),
                    _ => Err(not_upstash(kind_of(status, repeatable))),
                }
            }
            _ => Err(not_upstash(kind_of(status, repeatable))),
        }
    }
}

impl Commands for Upstash {
    fn call<'a>(
        &'a self,
        command: &'a [&'a str],
        repeatable: bool,
    ) -> BoxFuture<'a, Result<Reply>> {
        Box::pin(self.send(command, repeatable))
    }
}
