//! What the file backend asks of a file system: see [`Files`].

use crate::{
    error::Result,
    maybe_send::{MaybeSend, MaybeSync},
};

/// A file as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// How many bytes it has.
    pub len: u64,
    /// The same for as long as it is the same file, another one for the file that takes its place, at
    /// least while a handle of the first is open: an inode's number, or a sum over its first 32 bytes.
    pub identity: u64,
    /// When its bytes were changed last, in a unit of the system's; 0 where that is not known.
    pub modified: u64,
}

/// A process, as a lock names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// When it began, in a unit of the system's, so that a number that is used again is another
    /// process; 0 where that is not known.
    pub started: u64,
    /// Where the number means this process: a machine since its last start, and a container. No white
    /// space.
    pub host: String,
}

/// Raw operations on files, none of which waits for a promise.
///
/// Errors are of the kinds `not-found` (no such folder), `access-denied`, `quota-exceeded` (disk full),
/// `invalid-argument` (a folder where a file should be) and `unavailable`, and say which path it was.
pub trait Files: MaybeSend + MaybeSync + 'static {
    /// An open file.
    type Handle: MaybeSend + MaybeSync;

    /// The path from the root, with links followed, so that a file is replaced and not a link to it.
    ///
    /// # Errors
    /// `not-found`: there is no such folder.
    fn resolve(&self, path: &str) -> Result<String>;

    /// A whole file; `None`: there is none.
    ///
    /// # Errors
    /// It cannot be read.
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>>;

    /// What is at a path; `None`: nothing.
    ///
    /// # Errors
    /// That cannot be told.
    fn stat(&self, path: &str) -> Result<Option<Stat>>;

    /// Is an open file, for certain, still what is at the path that was looked at last, and of this
    /// length? Asked before each read, instead of [`stat`](Files::stat) where that is dearer; `false` where
    /// it cannot be told.
    fn is_still(&self, handle: &Self::Handle, len: u64) -> bool {
        let _ = (handle, len);
        false
    }

    /// Opens a file for reading anywhere and for appending; `None`: there is none.
    ///
    /// # Errors
    /// It cannot be opened.
    fn open(&self, path: &str) -> Result<Option<Self::Handle>>;

    /// The file that was opened, wherever it is now.
    ///
    /// # Errors
    /// That cannot be told.
    fn stat_of(&self, handle: &Self::Handle) -> Result<Stat>;

    /// The bytes from `from` to the end.
    ///
    /// # Errors
    /// They cannot be read.
    fn read_from(&self, handle: &Self::Handle, from: u64) -> Result<Vec<u8>>;

    /// Appends in one write to what is the end then (`O_APPEND`).
    ///
    /// # Errors
    /// It could not be written, or not all of it.
    fn append(&self, handle: &Self::Handle, bytes: &[u8]) -> Result<()>;

    /// What was appended is on the disk afterwards (`fdatasync`).
    ///
    /// # Errors
    /// That cannot be told.
    fn sync(&self, handle: &Self::Handle) -> Result<()>;

    /// Cuts off what is beyond `len`.
    ///
    /// # Errors
    /// It is still there.
    fn truncate(&self, handle: &Self::Handle, len: u64) -> Result<()>;

    /// Creates a file with `bytes`; false: there is one already.
    ///
    /// # Errors
    /// It could not be created; then there is none.
    fn create_new(&self, path: &str, bytes: &[u8]) -> Result<bool>;

    /// Writes a file at `aside` and puts it, once it is on the disk, in the place of what is at `path`:
    /// whoever looks sees the old one or the new one, also after a crash. In the same folder.
    ///
    /// # Errors
    /// The old one is still there, and none is aside.
    fn replace(&self, path: &str, aside: &str, bytes: &[u8]) -> Result<()>;

    /// Puts the file that is at `from` in the place of what is at `to`, at once: there is always the one or
    /// the other (`rename`). In the same folder.
    ///
    /// # Errors
    /// Both are where they were.
    fn rename(&self, from: &str, to: &str) -> Result<()>;

    /// Removes a file, where there is one.
    ///
    /// # Errors
    /// It is still there.
    fn remove(&self, path: &str) -> Result<()>;

    /// This process; `None` where there is no such thing.
    fn process(&self) -> Option<Process>;

    /// Does a process run? `None` where nobody can tell.
    fn is_alive(&self, process: &Process) -> Option<bool>;

    /// Milliseconds since the epoch, by the same clock in every process.
    fn now(&self) -> u64;

    /// Waits.
    fn sleep(&self, milliseconds: u64);

    /// Bytes in gzip format.
    ///
    /// # Errors
    /// `unsupported`, where this build cannot.
    fn gzip(&self, bytes: &[u8]) -> Result<Vec<u8>>;

    /// What was in gzip format.
    ///
    /// # Errors
    /// `corrupt`: it is not whole; `unsupported`, where this build cannot.
    fn gunzip(&self, bytes: &[u8]) -> Result<Vec<u8>>;
}
