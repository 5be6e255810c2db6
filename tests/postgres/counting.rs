//! A client that counts.

use dataknobs_kv::{BoxFuture, Error, http::HttpClient};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Counts the requests that it sends.
pub struct Counting {
    client: Arc<dyn HttpClient>,
    sent: AtomicUsize,
}

impl Counting {
    pub fn new(client: Arc<dyn HttpClient>) -> Counting {
        Counting {
            client,
            sent: AtomicUsize::new(0),
        }
    }

    /// How many there were since this was asked last.
    pub fn count(&self) -> usize {
        self.sent.swap(0, Ordering::Relaxed)
    }
}

impl HttpClient for Counting {
    fn send(
        &self,
        request: http::Request<bytes::Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<bytes::Bytes>, Error>> {
        self.sent.fetch_add(1, Ordering::Relaxed);
        self.client.send(request)
    }
}
