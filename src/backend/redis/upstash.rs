//! Upstash's REST interface: a command as a JSON array (Upstash's documentation, "REST API").

use super::{Commands, Reply};
use crate::{
    error::{Error, ErrorKind, Result},
    http::Http,
    maybe_send::BoxFuture,
};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use serde_json::Value as Json;

/// A Redis behind Upstash's REST interface, or a gateway that speaks it.
pub struct Upstash {
    http: Http,
    url: Uri,
    token: HeaderValue,
}

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
        Ok(Upstash { http, url, token })
    }

    async fn send(&self, command: &[&str], repeatable: bool) -> Result<Reply> {
        let body = Json::from(command).to_string();
        let mut request = Request::new(Bytes::from(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.url.clone();
        let headers = request.headers_mut();
        headers.insert(header::AUTHORIZATION, self.token.clone());
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        let response = if repeatable {
            self.http.ask(request).await?
        } else {
            self.http.tell(request).await?
        };
        let status = response.status();
        let answer: Option<Json> = serde_json::from_slice(response.body()).ok();
        match (status, answer) {
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) => Err(Error::new(
                ErrorKind::AccessDenied,
                "the server refuses the token: check `url` and `token`",
            )),
            (StatusCode::PAYLOAD_TOO_LARGE, _) => Err(Error::new(
                ErrorKind::QuotaExceeded,
                "the server takes no request of this size: write less at a time",
            )),
            // A refusal of Redis's own is a 400.
            (StatusCode::OK | StatusCode::BAD_REQUEST, Some(Json::Object(mut answer))) => {
                let result = answer.remove("result").map(Reply::from_json);
                match (result, answer.remove("error")) {
                    (Some(Some(reply)), _) => Ok(reply),
                    (None, Some(Json::String(error))) => Ok(Reply::Error(error.into())),
                    _ => Err(not_upstash(status, repeatable)),
                }
            }
            _ => Err(not_upstash(status, repeatable)),
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

/// An answer that is none: whether what was asked happened, a proxy's page does not tell.
fn not_upstash(status: StatusCode, repeatable: bool) -> Error {
    let kind = match (status, repeatable) {
        (StatusCode::NOT_FOUND, _) => ErrorKind::NotFound,
        (status, false) if !status.is_client_error() => ErrorKind::OutcomeUnknown,
        (status, true) if status.is_server_error() => ErrorKind::Unavailable,
        _ => ErrorKind::Corrupt,
    };
    let message =
        format!("the server answered {status} with what is no reply of Upstash: check `url`");
    Error::new(kind, message)
}
