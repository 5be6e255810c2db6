//! The stores of this process that have one file open: what one writes, the others who are watched read at
//! once. Other processes read it with their next operation.

use crate::maybe_send::{Lock, MaybeSend, MaybeSync};
use std::sync::{Arc, Weak};

/// One that has a file open.
pub(super) trait Peer: MaybeSend + MaybeSync {
    /// Another one has written. Called under no lock of that one.
    fn hear(&self);
}

/// All that have one file open.
#[derive(Default)]
pub(super) struct Peers(Lock<Vec<Weak<dyn Peer>>>);

/// By path, as long as somebody has it open. Files of several kinds of file systems may meet under one path:
/// then somebody looks in vain.
type Open = Vec<(String, Weak<Peers>)>;

#[cfg(not(target_family = "wasm"))]
fn with_open<R>(f: impl FnOnce(&mut Open) -> R) -> R {
    static OPEN: std::sync::OnceLock<Lock<Open>> = std::sync::OnceLock::new();
    OPEN.get_or_init(Lock::default).with(f)
}

/// One thread is all there is.
#[cfg(target_family = "wasm")]
fn with_open<R>(f: impl FnOnce(&mut Open) -> R) -> R {
    thread_local! {
        static OPEN: Lock<Open> = Lock::default();
    }
    OPEN.with(|open| open.with(f))
}

impl Peers {
    /// Those of a path, as [`Files::resolve`](super::Files::resolve) gives it.
    // On wasm there is one thread, and the lock is a cell.
    #[cfg_attr(target_family = "wasm", allow(clippy::arc_with_non_send_sync))]
    pub(super) fn of(path: &str) -> Arc<Peers> {
        with_open(|open| {
            open.retain(|(_, peers)| peers.strong_count() > 0);
            let found = open.iter().find(|(other, _)| other == path);
            if let Some(peers) = found.and_then(|(_, peers)| peers.upgrade()) {
                return peers;
            }
            let peers = Arc::new(Peers::default());
            open.push((path.to_owned(), Arc::downgrade(&peers)));
            peers
        })
    }

    pub(super) fn join(&self, peer: Weak<dyn Peer>) {
        self.0.with(|peers| peers.push(peer));
    }

    /// Whoever is closed or gone hears nothing more.
    pub(super) fn leave<P: Peer>(&self, gone: &P) {
        let gone: *const P = gone;
        self.0.with(|peers| {
            peers.retain(|peer| peer.strong_count() > 0 && !std::ptr::addr_eq(peer.as_ptr(), gone));
        });
    }

    /// `writer` has written.
    pub(super) fn tell<P: Peer>(&self, writer: &P) {
        let writer: *const P = writer;
        let others: Vec<Arc<dyn Peer>> = self.0.with(|peers| match &**peers {
            // Nearly always.
            [_] => Vec::new(),
            all => all
                .iter()
                .filter(|peer| !std::ptr::addr_eq(peer.as_ptr(), writer))
                .filter_map(Weak::upgrade)
                .collect(),
        });
        for other in others {
            other.hear();
        }
    }
}
