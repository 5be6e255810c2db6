//! The file backend without files: what is in the document and its journal, and what to write next.

use super::{document, frames};
use crate::{
    backend::memory::Memory,
    error::{Error, ErrorKind, Result},
};
use std::sync::Arc;

/// The least size of a journal that is folded into its document.
pub const LEAST_FOLD: u64 = 1 << 20;

/// What bytes that are no whole frame mean at the end of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// Somebody may be writing them now: they are read again later.
    Growing,
    /// Nobody is writing (the lock is held): they are what a writer left behind that was killed, unless
    /// whole frames follow, which is `corrupt`.
    Final,
}

/// What is to be done with a document and a journal that were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// Nothing.
    Fits,
    /// Before the next commit a fresh journal is to be written: there is none, or it ends before the
    /// document.
    Fresh,
    /// Before the next commit a document is to be written, and then a fresh journal: there is none.
    Fold,
    /// The journal begins after what is known: the document is to be read again.
    Reread,
}

struct Pending {
    sequence: u64,
    frame: Vec<u8>,
}

/// A memory, and how much of a document and a journal is in it.
///
/// It takes bytes and gives bytes; whoever drives it reads and writes them: with `std::fs`,
/// node:fs, or the handles of a browser's private file system.
///
/// ```
/// use dataknobs_kv::{Store, System, backend::{file::{Fit, Ledger, Tail}, memory::Memory}};
/// use std::sync::Arc;
///
/// let host = Arc::new(System::default());
/// let memory = Memory::new(Default::default(), host.clone());
/// let store = Store::new(memory.clone(), host.clone());
/// let mut ledger = Ledger::new("notes.json", memory);
///
/// // No document yet: write both.
/// assert_eq!(ledger.open(None, None, Tail::Final)?, Fit::Fold);
/// let document = ledger.document()?;
/// let mut journal = ledger.fresh_journal(7);
/// ledger.folded(document.len() as u64);
///
/// // A change: run it, write the frame, and then it stands.
/// ledger.begin();
/// pollster::block_on(store.set("a", 1))?;
/// if let Some(frame) = ledger.seal()? {
///     journal.extend_from_slice(frame);
/// }
/// ledger.kept();
///
/// // Later, or elsewhere.
/// let memory = Memory::new(Default::default(), host.clone());
/// let mut again = Ledger::new("notes.json", memory.clone());
/// assert_eq!(again.open(Some(&document), Some(&journal), Tail::Final)?, Fit::Fits);
/// assert_eq!(pollster::block_on(Store::new(memory, host).get("a"))?, Some(1.into()));
/// # Ok::<(), dataknobs_kv::Error>(())
/// ```
pub struct Ledger {
    memory: Memory,
    name: Box<str>,
    /// The last commit that is in the memory.
    sequence: u64,
    /// The last commit that is in the journal.
    chain: u64,
    /// How many bytes of the journal are read, and whole.
    length: u64,
    /// How long the document is.
    document: u64,
    /// Does the journal hold what the document does not?
    ahead: bool,
    pending: Option<Pending>,
}

impl Ledger {
    /// A ledger over an empty memory; messages call the document `name`.
    #[must_use]
    pub fn new(name: &str, memory: Memory) -> Ledger {
        Ledger {
            memory,
            name: name.into(),
            sequence: 0,
            chain: 0,
            length: 0,
            document: 0,
            ahead: false,
            pending: None,
        }
    }

    /// The memory: what is read is read there, and changed between [`begin`](Ledger::begin) and
    /// [`seal`](Ledger::seal).
    #[must_use]
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// The sequence number of the last commit that is known.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// How long the journal is, as far as it is whole and known: where [`feed`](Ledger::feed) goes on,
    /// and where the next frame is to be. A longer one is cut off here before that.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Is there something in the journal that is not in the document?
    #[must_use]
    pub fn is_ahead(&self) -> bool {
        self.ahead
    }

    /// Is the journal so long that it should be folded into the document?
    #[must_use]
    pub fn should_fold(&self) -> bool {
        self.exceeds(1)
    }

    /// Is the journal longer than so many times that?
    pub(super) fn exceeds(&self, times: u64) -> bool {
        self.length / times > LEAST_FOLD.max(self.document)
    }

    /// Reads a document (uncompressed) and its journal; `None`: there is none. Also later, in the place
    /// of what was known: then who watches is told of the differences.
    ///
    /// # Errors
    /// `corrupt`, with what to do: damaged, foreign, of a newer format, or not one of the other. Then
    /// nothing may be written.
    pub fn open(
        &mut self,
        document: Option<&[u8]>,
        journal: Option<&[u8]>,
        tail: Tail,
    ) -> Result<Fit> {
        self.load(document, journal, tail, false)
    }

    /// The same where the document was changed by hand: also entries that are no newer than those in the memory. What
    /// cannot be read leaves that as it is.
    ///
    /// # Errors
    /// As of [`open`](Ledger::open).
    pub fn take_over(&mut self, document: Option<&[u8]>, journal: Option<&[u8]>) -> Result<Fit> {
        let aside = Memory::new(Default::default(), Arc::clone(self.memory.shared_host()));
        Ledger::new(&self.name, aside).load(document, journal, Tail::Final, false)?;
        self.load(document, journal, Tail::Final, true)
    }

    fn load(
        &mut self,
        document: Option<&[u8]>,
        journal: Option<&[u8]>,
        tail: Tail,
        by_hand: bool,
    ) -> Result<Fit> {
        let base = match journal {
            Some(journal) => frames::read_header(journal, &self.journal_name())?,
            None => None,
        };
        if document.is_none() && base.is_some_and(|base| base > 0) {
            return Err(self.corrupt(&format!(
                "{0} is gone, but its journal is there: put the document back, or remove {0}.journal to \
                 begin anew",
                self.name
            )));
        }
        let mut head = document::Head::default();
        let name = &*self.name;
        let host = Arc::clone(self.memory.shared_host());
        self.memory.load(by_hand, |take| {
            if let Some(document) = document {
                head = document::read(document, name, &*host, take)?;
            }
            Ok(head.counter)
        })?;
        self.sequence = head.folded;
        self.document = document.map_or(0, <[u8]>::len) as u64;
        (self.chain, self.length, self.ahead) = (head.folded, 0, false);
        let (Some(journal), Some(base)) = (journal, base) else {
            return Ok(match document {
                Some(_) => Fit::Fresh,
                None => Fit::Fold,
            });
        };
        if base > head.folded {
            return Err(self.corrupt(&format!(
                "{0} is older than its journal: put the newer document back, or remove {0}.journal to go \
                 on without what was written since",
                self.name
            )));
        }
        self.follow(journal, base, tail)?;
        Ok(match document {
            None => Fit::Fold,
            Some(_) if self.chain < head.folded => Fit::Fresh,
            Some(_) => Fit::Fits,
        })
    }

    /// Reads a journal that took the place of the one that was known.
    ///
    /// # Errors
    /// As of [`open`](Ledger::open).
    pub fn switch(&mut self, journal: &[u8], tail: Tail) -> Result<Fit> {
        match frames::read_header(journal, &self.journal_name())? {
            Some(base) if base == self.sequence => {
                self.follow(journal, base, tail)?;
                Ok(Fit::Fits)
            }
            // One that begins earlier may be of another history, put there by hand.
            _ => Ok(Fit::Reread),
        }
    }

    fn follow(&mut self, journal: &[u8], base: u64, tail: Tail) -> Result<()> {
        (self.chain, self.length) = (base, frames::HEADER_LEN as u64);
        self.ahead = false;
        self.feed(journal.get(frames::HEADER_LEN..).unwrap_or_default(), tail)
    }

    /// Reads what was appended to the journal beyond [`length`](Ledger::length).
    ///
    /// # Errors
    /// `corrupt`: damaged, and not only at its end.
    pub fn feed(&mut self, mut bytes: &[u8], tail: Tail) -> Result<()> {
        while let Some(frame) = frames::first(bytes) {
            if frame.sequence > self.chain.saturating_add(1) {
                return Err(self.corrupt(&format!(
                    "{}.journal lacks a commit, number {}: put a copy of both files in their place",
                    self.name,
                    self.chain.saturating_add(1)
                )));
            }
            // Another one of a number that was taken comes from a writer that had lost its lock, and
            // was never acknowledged.
            if frame.sequence == self.chain.saturating_add(1) {
                if frame.sequence > self.sequence {
                    self.memory.replay(frame.payload).map_err(|error| {
                        Error::new(
                            error.kind(),
                            format!("{}.journal: {}", self.name, error.message()),
                        )
                    })?;
                    self.sequence = frame.sequence;
                }
                self.chain = frame.sequence;
                self.ahead = true;
            }
            self.length += frame.bytes.len() as u64;
            bytes = bytes.get(frame.bytes.len()..).unwrap_or_default();
        }
        if tail == Tail::Final && frames::any_beyond(bytes, self.chain.saturating_add(1)) {
            return Err(self.corrupt(&format!(
                "{}.journal is damaged at byte {}, and not only at its end: put a copy of both files in \
                 their place",
                self.name, self.length
            )));
        }
        Ok(())
    }

    /// From now on changes of the memory are noted.
    pub fn begin(&mut self) {
        self.pending = None;
        self.memory.begin();
    }

    /// The frame of what has changed since [`begin`](Ledger::begin), to be appended to the journal at
    /// [`length`](Ledger::length); `None`: nothing has.
    ///
    /// # Errors
    /// What the host could not express of a value that it keeps. Roll back.
    pub fn seal(&mut self) -> Result<Option<&[u8]>> {
        let Some(block) = self.memory.changes()? else {
            return Ok(None);
        };
        let sequence = self.sequence.saturating_add(1);
        let frame = frames::frame(sequence, self.memory.random(), &block)?;
        Ok(Some(
            &self.pending.insert(Pending { sequence, frame }).frame,
        ))
    }

    /// The frame was written, or there was none: the changes stand, and who watches is told.
    pub fn kept(&mut self) {
        if let Some(pending) = self.pending.take() {
            self.sequence = pending.sequence;
            self.chain = pending.sequence;
            self.length += pending.frame.len() as u64;
            self.ahead = true;
        }
        self.memory.keep();
    }

    /// The frame could not be written: the changes are taken back.
    pub fn roll_back(&mut self) {
        self.pending = None;
        self.memory.roll_back();
    }

    /// After the frame was appended, and something else as well: do our changes stand, by what the
    /// journal holds from [`length`](Ledger::length) on? Then they are kept; else they are taken back,
    /// and may be tried again once the journal was read.
    pub fn settle(&mut self, mut bytes: &[u8]) -> bool {
        let before = self.length;
        if let Some(pending) = &self.pending {
            while let Some(frame) = frames::first(bytes) {
                if frame.sequence == pending.sequence {
                    if frame.bytes == pending.frame {
                        self.kept();
                        return true;
                    }
                    break;
                }
                self.length += frame.bytes.len() as u64;
                bytes = bytes.get(frame.bytes.len()..).unwrap_or_default();
            }
        }
        self.length = before;
        self.roll_back();
        false
    }

    /// The same where a fresh journal took the other's place meanwhile; it is to be read with
    /// [`switch`](Ledger::switch) afterwards. `None`: it begins after our commit, and whether that is in
    /// the document cannot be told; nothing was taken back yet.
    ///
    /// # Errors
    /// `corrupt`: it is no journal.
    pub fn settle_in(&mut self, journal: &[u8]) -> Result<Option<bool>> {
        let base = frames::read_header(journal, &self.journal_name())?;
        match (base, &self.pending) {
            (Some(base), Some(pending)) if base < pending.sequence => {
                let frames = journal.get(frames::HEADER_LEN..).unwrap_or_default();
                Ok(Some(self.settle(frames)))
            }
            _ => Ok(None),
        }
    }

    /// Is there a frame that was sealed, and neither kept nor taken back?
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// The document of all that is known, to take the place of the old one. Not between
    /// [`begin`](Ledger::begin) and [`kept`](Ledger::kept).
    ///
    /// # Errors
    /// What the host could not express of a value that it keeps.
    pub fn document(&self) -> Result<Vec<u8>> {
        document::write(&self.memory, self.sequence)
    }

    /// The beginning of the journal that takes the place of the old one once the new document is there;
    /// `id` is random.
    #[must_use]
    pub fn fresh_journal(&self, id: u64) -> Vec<u8> {
        frames::header(self.sequence, id)
    }

    /// A document of `length` bytes and a fresh journal are there.
    pub fn folded(&mut self, length: u64) {
        self.document = length;
        self.chain = self.sequence;
        self.length = frames::HEADER_LEN as u64;
        self.ahead = false;
    }

    /// Of what a writer that had lost its lock appended to the old journal while a fresh one took its
    /// place: the whole frames, to be appended to the fresh one.
    #[must_use]
    pub fn late<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        let mut whole = 0;
        while let Some(frame) = bytes.get(whole..).and_then(frames::first) {
            whole += frame.bytes.len();
        }
        bytes.get(..whole).unwrap_or_default()
    }

    fn journal_name(&self) -> String {
        format!("{}.journal", self.name)
    }

    fn corrupt(&self, message: &str) -> Error {
        Error::new(
            ErrorKind::Corrupt,
            format!("{message}. Nothing was changed."),
        )
    }
}
