//! The hash of keys, segments and namespaces, under a seed of its own per [`Memory`](super::Memory).

use foldhash::{SharedSeed, fast::FoldHasher};
use std::hash::Hasher;

pub(super) struct Hashing {
    seed: u64,
    shared: SharedSeed,
}

impl Hashing {
    pub(super) fn new(mut random: impl FnMut() -> u64) -> Hashing {
        Hashing {
            seed: random(),
            shared: SharedSeed::from_u64(random()),
        }
    }

    #[inline]
    pub(super) fn of(&self, bytes: &[u8]) -> u64 {
        let mut hasher = FoldHasher::with_seed(self.seed, &self.shared);
        hasher.write(bytes);
        hasher.finish()
    }
}
