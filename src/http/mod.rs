//! HTTP as the backends over it need it: one method that sends a request, and around it, once for all
//! of them, what a bad line asks for.
//!
//! [`HttpClient`] is what a runtime gives (`reqwest` natively, `fetch` in JavaScript). [`Http`] is what
//! a backend uses: it repeats what may be repeated, waits as the server asks, bounds how many requests
//! are under way, and learns the server's clock ([`ServerClock`]) from the replies.

mod clock;
mod exchange;
#[cfg(all(feature = "reqwest", not(target_family = "wasm")))]
mod native;
mod turns;

pub use clock::ServerClock;
pub use exchange::{Http, HttpOptions};
#[cfg(all(feature = "reqwest", not(target_family = "wasm")))]
pub use native::Native;

use crate::{
    error::Result,
    maybe_send::{BoxFuture, MaybeSend, MaybeSync},
};
use bytes::Bytes;
use http::{Request, Response};

/// What a transport keeps to while it sends a request: in the request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// How long the whole exchange may take, in milliseconds.
    pub timeout: u64,
    /// How many bytes the body of the answer may have.
    pub max_body: u64,
}

/// Sends requests: what a runtime gives.
pub trait HttpClient: MaybeSend + MaybeSync {
    /// Sends `request` once and reads the whole answer, whatever its status. No redirect is followed,
    /// so that no credential goes elsewhere. The request's extensions hold [`Bounds`].
    ///
    /// # Errors
    /// - `unavailable`: the request surely did not arrive (no connection, no name, TLS)
    /// - `timeout`, `outcome-unknown`: it may have arrived, and the answer did not
    /// - `quota-exceeded`: the answer is larger than [`Bounds::max_body`]
    /// - `aborted`: the caller gave up
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>>>;
}
