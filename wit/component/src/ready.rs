//! Futures without an executor.

use crate::{convert::Result, types};
use dataknobs_kv::{Error, ErrorKind};
use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

/// What the future gives: those of memory and files are ready at the first poll.
pub(crate) fn ready<T>(future: impl Future<Output = dataknobs_kv::Result<T>>) -> Result<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result.map_err(types::Error::from),
        Poll::Pending => Err(Error::new(
            ErrorKind::Unsupported,
            "the backend waits, which a component with synchronous exports cannot",
        )
        .into()),
    }
}
