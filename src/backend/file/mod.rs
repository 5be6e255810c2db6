//! The file backend: one JSON document that a person can open, and beside it a journal of what changed
//! since, so that a small write does not rewrite the document.
//!
//! | file | |
//! |---|---|
//! | `<path>` | the document: JSON, an entry a line; with [`Compression::Gzip`] in gzip format |
//! | `<path>.journal` | the commits since, a frame each; folded into the document when the store is closed, and when it is longer than the document and 1 MiB |
//! | `<path>.lock` | there while somebody opens, commits or folds |
//! | `<path>.lock.1` | there while somebody takes the lock of a dead process over |
//! | `<path>.….new` | a new document or journal, before it takes the place of the old one |
//!
//! Everything is kept in memory too, and read there; each read first looks (one `stat`) whether another
//! process has written. Several processes, threads and stores may use one file: their changes are made one
//! after the other, each by reading what the others wrote, and none is lost. A commit that was acknowledged
//! survives the death of the process ([`Durability::Relaxed`]) or of the machine
//! ([`Durability::Strict`]); one that was cut short is as if it had never been. What is damaged or foreign is
//! refused, and not changed.
//!
//! Whoever watches is told of what another store of the same process wrote at once, and of what another process
//! wrote with the next operation.
//!
//! Somebody may edit the document. What is edited while a store has it open is taken over when the journal is
//! folded the next time, under what was written since: of a key that both changed, the store's value stays. A
//! journal that is taken away alone is written anew from the memory.
//!
//! Whether a document is compressed is seen by its first bytes, so either kind is opened; the next one
//! is written as [`FileOptions::compression`] says.
//!
//! [`Ledger`] is all of that without files, for other drivers; [`Files`] is what is asked of a file
//! system.

#[cfg(feature = "later")]
mod backend;
#[cfg(feature = "later")]
mod commit;
#[cfg(feature = "system")]
mod disk;
mod document;
#[cfg(feature = "later")]
mod driver;
#[cfg(feature = "later")]
mod files;
#[cfg(feature = "later")]
mod fold;
mod frames;
#[cfg(feature = "gzip")]
mod gzip;
mod ledger;
#[cfg(feature = "later")]
mod lock;
#[cfg(feature = "later")]
mod peers;
#[cfg(feature = "system")]
mod process;

use crate::{
    error::{Error, ErrorKind, Result},
    key::Shown,
};
#[cfg(feature = "later")]
pub use backend::File;
#[cfg(feature = "system")]
pub use disk::{Disk, DiskHandle};
#[cfg(feature = "later")]
pub use files::{Files, Process, Stat};
pub use frames::HEADER_LEN;
pub use ledger::{Fit, LEAST_FOLD, Ledger, Tail};
#[cfg(feature = "later")]
pub use lock::STALE;

/// When a commit is acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Once the operating system has it: it survives the death of the process, but perhaps not that of
    /// the machine.
    #[default]
    Relaxed,
    /// Once it is on the disk.
    Strict,
}

/// How a document is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// As `gunzip` reads it.
    Gzip,
}

/// How a file is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileOptions {
    /// How documents are compressed; `None`: not at all. The journal never is.
    pub compression: Option<Compression>,
    /// When a commit is acknowledged.
    pub durability: Durability,
    /// How long another process is waited for at most, in milliseconds; then `timeout`.
    pub patience: u64,
}

impl Default for FileOptions {
    /// Uncompressed, relaxed, 15 seconds.
    fn default() -> Self {
        FileOptions {
            compression: None,
            durability: Durability::Relaxed,
            patience: 15_000,
        }
    }
}

impl FileOptions {
    /// Options as a binding gets them, by their names: `format`, `compression` and `durability`.
    ///
    /// # Errors
    /// `invalid-argument`, with what there is.
    pub fn named(
        format: Option<&str>,
        compression: Option<&str>,
        durability: Option<&str>,
    ) -> Result<FileOptions> {
        let refuse = |what: &str, given: &str, known: &str| {
            let message = format!("there is no {what} {}: {known}", Shown(given));
            Err(Error::new(ErrorKind::InvalidArgument, message))
        };
        let mut options = FileOptions::default();
        match format {
            None | Some("json") => {}
            Some(other) => return refuse("format", other, "it is \"json\""),
        }
        match compression {
            None => {}
            Some("gzip") => options.compression = Some(Compression::Gzip),
            Some(other) => return refuse("compression", other, "it is \"gzip\", or left out"),
        }
        match durability {
            None | Some("relaxed") => {}
            Some("strict") => options.durability = Durability::Strict,
            Some(other) => return refuse("durability", other, "it is \"relaxed\" or \"strict\""),
        }
        Ok(options)
    }
}
