//! SQL over HTTP, as Neon's serverless driver speaks it (`@neondatabase/serverless` 1.2).

use super::{Answer, Refusal, Sql};
use crate::{
    backend::post::{Post, kind_of, no_reply},
    error::{Error, ErrorKind, Result},
    http::Http,
    maybe_send::BoxFuture,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use serde_json::{Map, Value as Json};

/// A PostgreSQL behind Neon's HTTP interface, or behind a gateway that speaks it.
pub struct Neon(Post);

impl Neon {
    /// `url` is where statements are sent (`https://…/sql`), `connection` the connection string of the
    /// database (`postgres://user:password@host/database`), `token` what goes with it as a bearer token,
    /// where one is asked for.
    ///
    /// # Errors
    /// `invalid-argument`: `connection` or `token` holds what no header may.
    pub fn new(http: Http, url: Uri, connection: &str, token: Option<&str>) -> Result<Neon> {
        let mut headers = HeaderMap::new();
        let connection = secret("the connection string", connection)?;
        headers.insert(name("neon-connection-string"), connection);
        if let Some(token) = token {
            let token = secret("the token", &format!("Bearer {token}"))?;
            headers.insert(header::AUTHORIZATION, token);
        }
        for flag in ["neon-raw-text-output", "neon-array-mode"] {
            headers.insert(name(flag), HeaderValue::from_static("true"));
        }
        let json = HeaderValue::from_static("application/json");
        headers.insert(header::CONTENT_TYPE, json);
        Ok(Neon(Post { http, url, headers }))
    }

    async fn send(&self, text: &str, parameters: &[&str], repeatable: bool) -> Result<Answer> {
        let mut body = Map::new();
        body.insert("query".to_owned(), Json::from(text));
        body.insert("params".to_owned(), Json::from(parameters));
        let (status, answer) = self
            .0
            .send(Json::Object(body).to_string(), repeatable)
            .await?;
        let not_neon = |kind| no_reply(kind, "Neon's SQL over HTTP", status);
        match (status, answer) {
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) => Err(Error::new(
                ErrorKind::AccessDenied,
                "the server refuses the credentials: check the connection string, and the token if there is one",
            )),
            (StatusCode::PAYLOAD_TOO_LARGE | StatusCode::INSUFFICIENT_STORAGE, _) => {
                Err(Error::new(
                    ErrorKind::QuotaExceeded,
                    "the server takes no request, or gives no answer, of this size: ask for less at a time",
                ))
            }
            (StatusCode::NOT_FOUND, _) => Err(not_neon(ErrorKind::NotFound)),
            (StatusCode::OK, Some(Json::Object(mut answer))) => answer
                .remove("rows")
                .and_then(Answer::of_json)
                .ok_or_else(|| not_neon(kind_of(status, repeatable))),
            // An error of PostgreSQL's own is a 400.
            (StatusCode::BAD_REQUEST, Some(Json::Object(answer))) => match refusal(answer) {
                Some(refusal) => Ok(Answer::Refused(refusal)),
                None => Err(not_neon(kind_of(status, repeatable))),
            },
            _ => Err(not_neon(kind_of(status, repeatable))),
        }
    }
}

fn name(name: &'static str) -> HeaderName {
    HeaderName::from_static(name)
}

fn secret(what: &str, text: &str) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_str(text).map_err(|_| {
        let message = format!("{what} holds a character that no header may hold");
        Error::new(ErrorKind::InvalidArgument, message)
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// What the server itself refuses, such as a wrong password, may come without a code.
fn refusal(mut answer: Map<String, Json>) -> Option<Refusal> {
    let Some(Json::String(message)) = answer.remove("message") else {
        return None;
    };
    let code = match answer.remove("code") {
        Some(Json::String(code)) => code.into(),
        _ if message.contains("password authentication failed") => "28P01".into(),
        _ => "".into(),
    };
    Some(Refusal {
        code,
        message: message.into(),
    })
}

impl Sql for Neon {
    fn query<'a>(
        &'a self,
        text: &'a str,
        parameters: &'a [&'a str],
        repeatable: bool,
    ) -> BoxFuture<'a, Result<Answer>> {
        Box::pin(self.send(text, parameters, repeatable))
    }
}
