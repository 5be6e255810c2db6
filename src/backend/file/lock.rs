//! The lock beside the document: `<path>.lock`, held while it is opened, for one commit or group, and
//! while the journal is folded.
//!
//! A lock whose process is dead is taken over at once; one of a process that nobody can judge, once it
//! is [`STALE`] milliseconds old. Exactly one takes it over: whoever creates `<path>.lock.1` (`O_EXCL`)
//! is the only one who may change a lock that its holder will not let go of. They look at it once more,
//! and then their own file takes its place (rename(2): "if newpath already exists, it will be atomically
//! replaced"), so that there is no moment without a lock, and none with two holders. To look and then
//! remove would not do: what is removed may be the lock of somebody who was faster. Whoever dies in the
//! act leaves `.lock.1` behind, and that is taken over in the same way, by `.lock.2`.
//!
//! This holds as far as the judgement does: a process that was only stopped, and whose age was what was
//! judged, may go on. That no commit is lost does not rest on the lock, but on looking at the journal
//! after each append.

use super::files::{Files, Process, Stat};
use crate::error::{Error, ErrorKind, Result};

/// How old a lock must be to be taken over where nobody can tell whether its process runs, in
/// milliseconds.
pub const STALE: u64 = 10_000;
/// The same for one that says nothing: its process died, or waits, between creating and writing it.
const SILENT: u64 = 2_000;
/// After how long a holder looks whether it still has the lock before it lets go of it.
const SURE: u64 = STALE / 2;
/// The longest wait between two looks.
const LONGEST: u64 = 16;
/// So many may die one after the other while they take a lock over.
const DEEPEST: usize = 8;

const HEAD: &str = "dataknobs-kv lock";

/// A lock that is held.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    token: u64,
    since: u64,
}

/// What a lock file says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Claim {
    process: Option<Process>,
    token: u64,
    at: u64,
}

impl Claim {
    fn write(&self) -> String {
        let process = match &self.process {
            Some(p) => format!("pid {}\nstarted {}\nhost {}\n", p.pid, p.started, p.host),
            None => String::new(),
        };
        format!(
            "{HEAD}\n{process}at {}\ntoken {:016x}\n",
            self.at, self.token
        )
    }

    fn read(text: &str) -> Option<Claim> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        if lines.next() != Some(HEAD) {
            return None;
        }
        let (mut pid, mut started, mut host, mut at, mut token) = (None, 0, None, None, None);
        for line in lines {
            match line.split_once(' ')? {
                ("pid", text) => pid = text.parse().ok(),
                ("started", text) => started = text.parse().ok()?,
                ("host", text) => host = Some(text.to_owned()),
                ("at", text) => at = text.parse().ok(),
                ("token", text) => token = u64::from_str_radix(text, 16).ok(),
                _ => {}
            }
        }
        let process = pid
            .zip(host)
            .map(|(pid, host)| Process { pid, started, host });
        Some(Claim {
            process,
            token: token?,
            at: at?,
        })
    }
}

/// The file that the holder of a lock writes aside, so that whoever takes the lock over can remove it.
pub(super) fn aside(path: &str, token: u64) -> String {
    format!("{path}.{token:016x}.new")
}

impl Held {
    pub(super) fn aside(&self, path: &str) -> String {
        aside(path, self.token)
    }
}

fn look<F: Files>(files: &F, lock: &str) -> Result<Option<Option<Claim>>> {
    let bytes = files.read(lock)?;
    Ok(bytes.map(|bytes| std::str::from_utf8(&bytes).ok().and_then(Claim::read)))
}

/// Which claim it is: one that says nothing is told from the next such by its file.
type Mark = (Option<u64>, Option<Stat>);

/// How an attempt to take a file ended.
enum Attempt {
    Ours,
    /// Somebody has it, who may let go of it.
    Theirs(Option<Claim>),
    /// It has changed meanwhile.
    Again,
}

/// Somebody who wants a lock.
struct Taker<'f, F> {
    files: &'f F,
    path: &'f str,
    token: u64,
    /// For how long they wait already.
    waited: u64,
    /// What is in the way at each level, and since when.
    seen: Vec<(Mark, u64)>,
}

/// The lock; or the right to take the one below.
fn level(path: &str, level: usize) -> String {
    match level {
        0 => format!("{path}.lock"),
        _ => format!("{path}.lock.{level}"),
    }
}

impl<F: Files> Taker<'_, F> {
    fn claim(&self) -> Claim {
        Claim {
            process: self.files.process(),
            token: self.token,
            at: self.files.now(),
        }
    }

    fn create(&self, file: &str) -> Result<bool> {
        let claim = self.claim().write();
        self.files.create_new(file, claim.as_bytes())
    }

    fn see(&self, file: &str) -> Result<Option<(Option<Claim>, Mark)>> {
        match look(self.files, file)? {
            None => Ok(None),
            Some(None) => {
                let stat = self.files.stat(file)?;
                Ok(stat.map(|stat| (None, (None, Some(stat)))))
            }
            Some(Some(claim)) => {
                let mark = (Some(claim.token), None);
                Ok(Some((Some(claim), mark)))
            }
        }
    }

    /// For how long a claim has been in the way.
    fn watched(&mut self, at: usize, mark: &Mark) -> u64 {
        match self.seen.get(at) {
            Some((before, since)) if before == mark => self.waited - since,
            _ => {
                self.seen.truncate(at);
                self.seen.push((*mark, self.waited));
                0
            }
        }
    }

    fn take(&mut self, at: usize) -> Result<Attempt> {
        let file = level(self.path, at);
        if self.create(&file)? {
            return Ok(Attempt::Ours);
        }
        let Some((claim, mark)) = self.see(&file)? else {
            return Ok(Attempt::Again);
        };
        let watched = self.watched(at, &mark);
        if at == DEEPEST || !is_over(self.files, claim.as_ref(), watched) {
            return Ok(Attempt::Theirs(claim));
        }
        match self.take(at + 1)? {
            Attempt::Ours => {}
            other => return Ok(other),
        }
        // From here on nobody but us may change what is there.
        let right = level(self.path, at + 1);
        let replaced = self.replace(&file, &right, mark);
        if !matches!(replaced, Ok(true)) {
            self.files.remove(&right)?;
        }
        Ok(if replaced? {
            Attempt::Ours
        } else {
            Attempt::Again
        })
    }

    /// Our claim takes the place of one that is over; false: that one is not there any more.
    fn replace(&self, file: &str, right: &str, over: Mark) -> Result<bool> {
        if self.see(file)?.is_none_or(|(_, mark)| mark != over) {
            return Ok(false);
        }
        if let (Some(token), _) = over {
            self.files.remove(&aside(self.path, token))?;
        }
        self.files.rename(right, file)?;
        Ok(true)
    }
}

/// Takes the lock of `path`, and waits `patience` milliseconds for it at most.
pub(super) fn acquire<F: Files>(files: &F, path: &str, random: u64, patience: u64) -> Result<Held> {
    let lock = level(path, 0);
    let mut taker = Taker {
        files,
        path,
        token: random,
        waited: 0,
        seen: Vec::new(),
    };
    for round in 0_u32.. {
        let since = files.now();
        // Most locks are held for some microseconds.
        let attempt = if round < 3 {
            if taker.create(&lock)? {
                Attempt::Ours
            } else {
                files.sleep(0);
                continue;
            }
        } else {
            taker.take(0)?
        };
        let other = match attempt {
            Attempt::Ours => {
                return Ok(Held {
                    token: random,
                    since,
                });
            }
            // Gone again; but a link that leads nowhere stays.
            Attempt::Again if round % 64 != 0 => continue,
            Attempt::Again => None,
            Attempt::Theirs(claim) => claim,
        };
        if taker.waited >= patience {
            return Err(in_the_way(&lock, other.as_ref()));
        }
        let pause = (1 << (round - 3).min(4)).min(LONGEST);
        files.sleep(pause);
        taker.waited += pause;
    }
    Err(in_the_way(&lock, None))
}

/// Removes what somebody left behind who died while taking a lock over that another one has taken since;
/// while the lock is held.
pub(super) fn tidy<F: Files>(files: &F, path: &str, held: &Held) -> Result<()> {
    let right = level(path, 1);
    if files.stat(&right)?.is_none() {
        return Ok(());
    }
    let mut taker = Taker {
        files,
        path,
        token: held.token,
        waited: 0,
        seen: Vec::new(),
    };
    match taker.take(1)? {
        Attempt::Ours => files.remove(&right),
        _ => Ok(()),
    }
}

/// Is nobody going to let go of a lock?
fn is_over<F: Files>(files: &F, claim: Option<&Claim>, watched: u64) -> bool {
    let Some(claim) = claim else {
        return watched >= SILENT;
    };
    // A thread of this process may be gone, which nobody can tell.
    if claim.process.is_some() && claim.process == files.process() {
        return watched >= STALE;
    }
    match claim.process.as_ref().and_then(|p| files.is_alive(p)) {
        Some(alive) => !alive,
        None => watched.max(files.now().saturating_sub(claim.at)) >= STALE,
    }
}

fn in_the_way(lock: &str, claim: Option<&Claim>) -> Error {
    let who = match claim.and_then(|claim| claim.process.as_ref()) {
        Some(process) => format!("process {}", process.pid),
        None => "another process".to_owned(),
    };
    Error::new(
        ErrorKind::Timeout,
        format!(
            "{who} holds {lock} and does not let go of it: try again, or end that process; the lock of \
             one that is gone is taken over"
        ),
    )
}

/// Is the lock still ours?
pub(super) fn is_held<F: Files>(files: &F, path: &str, held: &Held) -> Result<bool> {
    let now = look(files, &level(path, 0))?.flatten();
    Ok(now.is_some_and(|claim| claim.token == held.token))
}

/// Lets go of the lock.
pub(super) fn release<F: Files>(files: &F, path: &str, held: &Held) {
    let long = files.now().saturating_sub(held.since) >= SURE;
    if long && !matches!(is_held(files, path, held), Ok(true)) {
        return;
    }
    // A lock that stays is taken over once this process is gone.
    let _ = files.remove(&level(path, 0));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_comes_back() {
        for process in [
            None,
            Some(Process {
                pid: 7,
                started: 9,
                host: "a/b".into(),
            }),
        ] {
            let claim = Claim {
                process,
                token: 0xff,
                at: 1_700_000_000_000,
            };
            let text = claim.write();
            assert_eq!(Claim::read(&text), Some(claim));
            for cut in 0..text.len() {
                assert_eq!(Claim::read(&text[..cut]), None);
            }
        }
        assert_eq!(Claim::read("something\n"), None);
    }
}
