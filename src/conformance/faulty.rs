//! A backend behind a bad line.

use super::host::next_random;
use crate::{
    backend::{Backend, Commit, Freshness, Limits, Mutation, Page, Scan},
    error::{Error, ErrorKind, Result},
    key::{Key, Namespace},
    maybe_send::Lock,
    record::Stored,
};

/// A backend that drops a share of the requests before they arrive (`unavailable`), and processes a
/// share and loses the answer (`outcome-unknown` for a change, `unavailable` for a question). The
/// faults come again with the same seed.
pub struct Faulty<B> {
    inner: B,
    dropped: f64,
    lost: f64,
    random: Lock<u64>,
}

enum Line {
    Fine,
    Dropped,
    Lost,
}

impl<B> Faulty<B> {
    /// `dropped` and `lost` are shares of all requests, from 0 to 1.
    pub fn new(inner: B, dropped: f64, lost: f64, seed: u64) -> Faulty<B> {
        Faulty {
            inner,
            dropped,
            lost,
            random: Lock::new(seed),
        }
    }

    fn line(&self) -> Line {
        let share = self.random.with(next_random) as f64 / u64::MAX as f64;
        if share < self.dropped {
            Line::Dropped
        } else if share < self.dropped + self.lost {
            Line::Lost
        } else {
            Line::Fine
        }
    }

    async fn ask<T>(&self, answer: impl Future<Output = Result<T>>) -> Result<T> {
        match self.line() {
            Line::Fine => answer.await,
            Line::Dropped => Err(unavailable()),
            Line::Lost => answer.await.and(Err(unavailable())),
        }
    }
}

fn unavailable() -> Error {
    Error::new(ErrorKind::Unavailable, "the request was dropped: try again")
}

fn unknown() -> Error {
    Error::new(
        ErrorKind::OutcomeUnknown,
        "the answer was lost: read and decide",
    )
}

impl<B: Backend> Backend for Faulty<B> {
    fn limits(&self) -> Limits {
        Limits {
            loses_answers: true,
            ..self.inner.limits()
        }
    }
    async fn read(&self, keys: &[Key<'_>], fresh: Freshness) -> Result<Vec<Option<Stored>>> {
        self.ask(self.inner.read(keys, fresh)).await
    }
    async fn commit(&self, batch: &[Mutation<'_>]) -> Result<Commit> {
        match self.line() {
            Line::Fine => self.inner.commit(batch).await,
            Line::Dropped => Err(unavailable()),
            Line::Lost => {
                self.inner.commit(batch).await?;
                Err(unknown())
            }
        }
    }
    async fn write(&self, batch: &[Mutation<'_>]) -> Vec<Result<Commit>> {
        match self.line() {
            Line::Fine => self.inner.write(batch).await,
            Line::Dropped => batch.iter().map(|_| Err(unavailable())).collect(),
            Line::Lost => {
                self.inner.write(batch).await;
                batch.iter().map(|_| Err(unknown())).collect()
            }
        }
    }
    async fn scan(&self, query: &Scan<'_>) -> Result<Page> {
        self.ask(self.inner.scan(query)).await
    }
    async fn namespaces(&self) -> Result<Vec<Namespace>> {
        self.ask(self.inner.namespaces()).await
    }
    async fn close(&self) -> Result<()> {
        self.inner.close().await
    }
}
