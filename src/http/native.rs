//! The native transport: reqwest.

use super::{Bounds, HttpClient};
use crate::{
    error::{Error, ErrorKind, Result},
    maybe_send::BoxFuture,
};
use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use std::{error::Error as _, time::Duration};

/// [`HttpClient`] over reqwest, with its pool of connections. Needs a tokio runtime.
#[derive(Clone, Debug)]
pub struct Native(reqwest::Client);

impl Native {
    /// A client of its own, with HTTP/1.1 and TLS by the machine's certificates.
    ///
    /// # Errors
    /// `unavailable`: the machine's TLS could not be set up.
    pub fn new() -> Result<Native> {
        // Whoever installed another one before keeps it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build();
        client.map(Native).map_err(|error| {
            let message = format!("the HTTP client could not be set up: {}", causes(&error));
            Error::new(ErrorKind::Unavailable, message)
        })
    }
}

impl HttpClient for Native {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>>> {
        Box::pin(self.exchange(request))
    }
}

impl Native {
    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>> {
        let bounds = request.extensions().get::<Bounds>().copied();
        let host = request.uri().host().unwrap_or_default().to_owned();
        let failed = |error: reqwest::Error| failure(&host, error);
        let mut request = reqwest::Request::try_from(request.map(reqwest::Body::from))
            .map_err(|_| bad_address(&host))?;
        if let Some(bounds) = bounds {
            *request.timeout_mut() = Some(Duration::from_millis(bounds.timeout));
        }
        let mut answer = self.0.execute(request).await.map_err(failed)?;
        let most = bounds.map_or(u64::MAX, |bounds| bounds.max_body);
        let too_large = || {
            let message =
                format!("{host} answered with more than {most} bytes: ask for less at a time");
            Error::new(ErrorKind::QuotaExceeded, message)
        };
        if answer.content_length().is_some_and(|length| length > most) {
            return Err(too_large());
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            if (body.len() + chunk.len()) as u64 > most {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        let mut response = Response::new(body.freeze());
        *response.status_mut() = answer.status();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        Ok(response)
    }
}

fn bad_address(host: &str) -> Error {
    let message = format!("{host:?} is no address for HTTP: give a whole http or https URL");
    Error::new(ErrorKind::InvalidArgument, message)
}

/// Names the host and not the URL, which may hold a secret.
fn failure(host: &str, error: reqwest::Error) -> Error {
    let error = error.without_url();
    let (kind, what) = if error.is_connect() {
        (ErrorKind::Unavailable, "cannot be reached")
    } else if error.is_timeout() {
        (ErrorKind::Timeout, "did not answer in time")
    } else if error.is_builder() {
        return bad_address(host);
    } else {
        (
            ErrorKind::OutcomeUnknown,
            "broke off before its answer was whole",
        )
    };
    Error::new(kind, format!("{host} {what}: {}", causes(&error)))
}

/// An error with what is behind it: reqwest's own words say little.
fn causes(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
