//! The lock beside the document: `<path>.lock`, held while it is opened, for one commit or group, and
//! while the journal is folded.
//!
//! A lock whose process is dead is taken over at once; one of a process that nobody can judge, once it
//! is [`STALE`] milliseconds old. Two may do that at the same time, and a process that was stopped
//! meanwhile may go on: that no commit is lost does not rest on the lock, but on looking at the journal
//! after each append.

use super::files::{Files, Process};
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

/// Takes the lock of `path`, and waits `patience` milliseconds for it at most.
pub(super) fn acquire<F: Files>(files: &F, path: &str, random: u64, patience: u64) -> Result<Held> {
    let lock = format!("{path}.lock");
    let mut waited = 0;
    // The claim that is in the way, and since when.
    let mut seen: Option<(Option<u64>, u64)> = None;
    for round in 0_u32.. {
        let claim = Claim {
            process: files.process(),
            token: random,
            at: files.now(),
        };
        if files.create_new(&lock, claim.write().as_bytes())? {
            return Ok(Held {
                token: claim.token,
                since: claim.at,
            });
        }
        // Most locks are held for some microseconds.
        if round < 3 {
            files.sleep(0);
            continue;
        }
        let found = look(files, &lock)?;
        // Gone again; but a link that leads nowhere stays.
        if found.is_none() && round % 64 != 0 {
            continue;
        }
        let other = found.clone().flatten();
        let token = other.as_ref().map(|other| other.token);
        let since = match seen {
            Some((before, since)) if before == token => since,
            _ => waited,
        };
        seen = Some((token, since));
        if found.is_some() && is_over(files, other.as_ref(), waited - since) {
            take_over(files, path, &lock, token)?;
            continue;
        }
        if waited >= patience {
            return Err(in_the_way(&lock, other.as_ref()));
        }
        let pause = (1 << (round - 3).min(4)).min(LONGEST);
        files.sleep(pause);
        waited += pause;
    }
    Err(in_the_way(&lock, None))
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

fn take_over<F: Files>(files: &F, path: &str, lock: &str, token: Option<u64>) -> Result<()> {
    // Somebody else may have been faster.
    let now = look(files, lock)?.map(|claim| claim.map(|claim| claim.token));
    if now != Some(token) {
        return Ok(());
    }
    if let Some(token) = token {
        files.remove(&aside(path, token))?;
    }
    files.remove(lock)
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
    let now = look(files, &format!("{path}.lock"))?.flatten();
    Ok(now.is_some_and(|claim| claim.token == held.token))
}

/// Lets go of the lock.
pub(super) fn release<F: Files>(files: &F, path: &str, held: &Held) {
    let long = files.now().saturating_sub(held.since) >= SURE;
    if long && !matches!(is_held(files, path, held), Ok(true)) {
        return;
    }
    // A lock that stays is taken over once this process is gone.
    let _ = files.remove(&format!("{path}.lock"));
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
