//! A bad line between a client and a real server.

use super::host::next_random;
use crate::{
    error::{Error, ErrorKind, Result},
    http::HttpClient,
    maybe_send::{BoxFuture, Lock},
};
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use std::sync::Arc;

/// What a bad line does to a request: shares of all requests, from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Faults {
    /// It does not arrive (`unavailable`).
    pub dropped: f64,
    /// It is answered, and the answer does not arrive (`outcome-unknown`).
    pub lost: f64,
    /// Somebody before the server answers 429 with `Retry-After: 0`.
    pub busy: f64,
    /// The server answers, and somebody before it says 502 nevertheless.
    pub broken: f64,
}

/// A client whose line is bad. The faults come again with the same seed.
pub struct BadLine {
    client: Arc<dyn HttpClient>,
    faults: Faults,
    random: Lock<u64>,
}

impl BadLine {
    /// `client` behind a line with `faults`.
    pub fn new(client: Arc<dyn HttpClient>, faults: Faults, seed: u64) -> BadLine {
        BadLine {
            client,
            faults,
            random: Lock::new(seed),
        }
    }

    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>> {
        let mut share = self.random.with(next_random) as f64 / u64::MAX as f64;
        let mut happens = |fault: f64| {
            share -= fault;
            share < 0.0
        };
        let faults = &self.faults;
        if happens(faults.dropped) {
            let message = "the request was dropped";
            return Err(Error::new(ErrorKind::Unavailable, message));
        }
        if happens(faults.lost) {
            self.client.send(request).await?;
            let message = "the answer was lost";
            return Err(Error::new(ErrorKind::OutcomeUnknown, message));
        }
        if happens(faults.busy) {
            let mut response = page(StatusCode::TOO_MANY_REQUESTS);
            let at_once = HeaderValue::from_static("0");
            response.headers_mut().insert(header::RETRY_AFTER, at_once);
            return Ok(response);
        }
        if happens(faults.broken) {
            self.client.send(request).await?;
            return Ok(page(StatusCode::BAD_GATEWAY));
        }
        self.client.send(request).await
    }
}

fn page(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(b"<html>not now</html>"));
    *response.status_mut() = status;
    response
}

impl HttpClient for BadLine {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>>> {
        Box::pin(self.exchange(request))
    }
}
