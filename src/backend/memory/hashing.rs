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

    /// The same as [`of`](Hashing::of), once for all who are not in a hurry.
    #[inline(never)]
    pub(super) fn of_any(&self, bytes: &[u8]) -> u64 {
        self.of(bytes)
    }

    #[inline]
    pub(super) fn of(&self, bytes: &[u8]) -> u64 {
        let mut hasher = FoldHasher::with_seed(self.seed, &self.shared);
        hasher.write(bytes);
        hasher.finish()
    }
}

/// A number in a hash table, beside the hash of what it stands for.
pub(super) struct Hashed {
    pub(super) hash: u32,
    pub(super) number: u32,
}

impl Hashed {
    /// The hash for the table, which looks at the lower and at the uppermost bits.
    pub(super) fn spread(&self) -> u64 {
        spread(self.hash)
    }
}

pub(super) fn spread(hash: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(hash)
}
