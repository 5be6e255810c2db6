//! Requests over a line that may be bad.

use super::{
    Bounds, HttpClient, ServerClock,
    turns::{Turn, Turns},
};
use crate::{
    error::{Error, ErrorKind, Result},
    host::Host,
};
use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

/// How requests are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpOptions {
    /// How long one request may take, in milliseconds.
    pub timeout: u64,
    /// How often a request is tried at most, the first time included.
    pub attempts: u32,
    /// How many requests may be under way at once; `None`: any number. (A bound makes one request wait
    /// for another, which a runtime that isolates them from one another forbids.)
    pub in_flight: Option<usize>,
    /// How many bytes an answer may have.
    pub max_body: u64,
}

impl Default for HttpOptions {
    fn default() -> Self {
        HttpOptions {
            timeout: 30_000,
            attempts: 5,
            in_flight: Some(64),
            max_body: 256 << 20,
        }
    }
}

/// The first pause before a request is sent again, in milliseconds; it doubles.
const FIRST_PAUSE: u64 = 50;
/// The longest pause of our own.
const LONGEST_PAUSE: u64 = 2_000;
/// A server that asks for a longer pause is not waited for.
const LONGEST_ASKED: u64 = 20_000;

/// Sends a backend's requests.
pub struct Http {
    client: Arc<dyn HttpClient>,
    clock: Arc<ServerClock>,
    turns: Option<Turns>,
    options: HttpOptions,
}

/// What is to be done about an answer, or about its absence.
enum Next {
    Give(Result<Response<Bytes>>),
    /// Again, after so many milliseconds if the server said so; else the error.
    Again(Option<u64>, Error),
}

impl Http {
    /// Over `client`; `clock` learns from the replies.
    pub fn new(client: Arc<dyn HttpClient>, clock: Arc<ServerClock>, options: HttpOptions) -> Http {
        Http {
            client,
            clock,
            turns: options.in_flight.map(Turns::new),
            options,
        }
    }

    /// The clock that learns from the replies.
    pub fn clock(&self) -> &Arc<ServerClock> {
        &self.clock
    }

    /// Asks what may be asked again: the request changes nothing, or the same when it arrives twice.
    ///
    /// # Errors
    /// What [`HttpClient::send`] says, but never `outcome-unknown`.
    pub async fn ask(&self, request: Request<Bytes>) -> Result<Response<Bytes>> {
        self.exchange(request, true).await
    }

    /// Sends what must not arrive twice. It is sent again only where it surely was not processed.
    ///
    /// # Errors
    /// What [`HttpClient::send`] says; `outcome-unknown` where the answer was lost.
    pub async fn tell(&self, request: Request<Bytes>) -> Result<Response<Bytes>> {
        self.exchange(request, false).await
    }

    async fn exchange(&self, request: Request<Bytes>, repeatable: bool) -> Result<Response<Bytes>> {
        let mut pause = FIRST_PAUSE;
        let mut attempt = 1;
        loop {
            let (asked, error) = match self.judge(self.once(&request).await, repeatable) {
                Next::Give(answer) => return answer,
                Next::Again(asked, error) => (asked, error),
            };
            if attempt >= self.options.attempts || asked.is_some_and(|ms| ms > LONGEST_ASKED) {
                return Err(error);
            }
            attempt += 1;
            // Full jitter, so that clients that failed together do not come back together.
            let jitter = self.clock.random() % pause;
            self.clock
                .sleep(asked.unwrap_or(0).saturating_add(jitter))
                .await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn once(&self, request: &Request<Bytes>) -> Result<Response<Bytes>> {
        let turn: Option<Turn> = match &self.turns {
            Some(turns) => Some(turns.take().await),
            None => None,
        };
        let mut request = request.clone();
        request.extensions_mut().insert(Bounds {
            timeout: self.options.timeout,
            max_body: self.options.max_body,
        });
        let sent = self.clock.uncorrected();
        let answer = self.client.send(request).await;
        drop(turn);
        if let Ok(response) = &answer {
            self.learn(sent, response);
        }
        answer
    }

    /// The `Date` of a reply has whole seconds (RFC 9110, section 6.6.1). What a cache kept says
    /// nothing.
    fn learn(&self, sent: u64, response: &Response<Bytes>) {
        let headers = response.headers();
        if headers.contains_key(header::AGE) {
            return;
        }
        let shown = headers
            .get(header::DATE)
            .and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok())
            .and_then(|date| date.duration_since(UNIX_EPOCH).ok());
        if let Some(shown) = shown {
            let received = self.clock.uncorrected();
            self.clock
                .learn(sent, received, shown.as_millis() as u64, 1000);
        }
    }

    fn judge(&self, answer: Result<Response<Bytes>>, repeatable: bool) -> Next {
        let response = match answer {
            Ok(response) => response,
            Err(error) => {
                return match error.kind() {
                    ErrorKind::Unavailable => Next::Again(None, error),
                    ErrorKind::Timeout | ErrorKind::OutcomeUnknown if repeatable => {
                        Next::Again(None, asked_in_vain(error))
                    }
                    ErrorKind::Timeout => Next::Give(Err(Error::new(
                        ErrorKind::OutcomeUnknown,
                        format!(
                            "no answer to a write within {} ms: it may have happened",
                            self.options.timeout
                        ),
                    ))),
                    // An answer that is too large came after the request was processed.
                    ErrorKind::QuotaExceeded if !repeatable => {
                        Next::Give(Err(Error::new(ErrorKind::OutcomeUnknown, error.message())))
                    }
                    _ => Next::Give(Err(error)),
                };
            }
        };
        let status = response.status();
        let asked = retry_after(&response, self.clock.now());
        match status {
            // Refused before anything was done.
            StatusCode::TOO_MANY_REQUESTS => Next::Again(asked, busy(status, asked)),
            StatusCode::SERVICE_UNAVAILABLE if asked.is_some() => {
                Next::Again(asked, busy(status, asked))
            }
            StatusCode::INTERNAL_SERVER_ERROR
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
                if repeatable =>
            {
                Next::Again(asked, busy(status, asked))
            }
            StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Next::Give(Err(Error::new(
                ErrorKind::OutcomeUnknown,
                format!("the server answered {status} to a write: it may have happened"),
            ))),
            _ => Next::Give(Ok(response)),
        }
    }
}

/// A question whose answer was lost can be asked again later.
fn asked_in_vain(error: Error) -> Error {
    match error.kind() {
        ErrorKind::OutcomeUnknown => Error::new(ErrorKind::Unavailable, error.message()),
        _ => error,
    }
}

fn busy(status: StatusCode, asked: Option<u64>) -> Error {
    let when = match asked {
        Some(ms) => format!("in {} s", ms.div_ceil(1000)),
        None => "later".to_owned(),
    };
    Error::new(
        ErrorKind::Unavailable,
        format!("the server answered {status}: try again {when}"),
    )
}

/// `Retry-After` in milliseconds: seconds, or a date (RFC 9110, section 10.2.3).
fn retry_after(response: &Response<Bytes>, now: u64) -> Option<u64> {
    let text = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    if let Ok(seconds) = text.trim().parse::<u64>() {
        return Some(seconds.saturating_mul(1000));
    }
    let at: SystemTime = httpdate::parse_http_date(text).ok()?;
    let at = at.duration_since(UNIX_EPOCH).ok()?.as_millis() as u64;
    Some(at.saturating_sub(now))
}
