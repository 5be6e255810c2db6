//! Which process this is, and whether another one still runs.

use super::files::Process;

#[cfg(target_os = "linux")]
mod system {
    use super::Process;
    use std::{fs, io, sync::OnceLock};

    /// Where numbers of processes mean what they mean here: this boot of this machine, this container.
    fn host() -> &'static str {
        static HOST: OnceLock<String> = OnceLock::new();
        HOST.get_or_init(|| {
            let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
            let space = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
            let space = space.to_string_lossy();
            let number = space.trim_matches(|c: char| !c.is_ascii_digit());
            format!("{}/{number}", boot.trim())
        })
    }

    /// State and start of a process, from /proc/PID/stat (proc(5)): the third and the 22nd field; the
    /// second is a name in brackets, which may hold anything.
    fn stat(pid: u32) -> io::Result<(char, u64)> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let rest = text.rsplit_once(") ").map_or("", |(_, rest)| rest);
        let mut fields = rest.split(' ');
        let state = fields.next().and_then(|f| f.chars().next()).unwrap_or('?');
        let started = fields.nth(18).and_then(|f| f.parse().ok()).unwrap_or(0);
        Ok((state, started))
    }

    pub(crate) fn this() -> Option<Process> {
        static STARTED: OnceLock<u64> = OnceLock::new();
        let pid = std::process::id();
        let started = *STARTED.get_or_init(|| stat(pid).map_or(0, |(_, started)| started));
        Some(Process {
            pid,
            started,
            host: host().to_owned(),
        })
    }

    pub(crate) fn is_alive(process: &Process) -> Option<bool> {
        if process.host != host() {
            return None;
        }
        match stat(process.pid) {
            // Dead, but nobody has asked for its exit code yet.
            Ok(('Z' | 'X' | 'x', _)) => Some(false),
            Ok((_, started)) if started != 0 && process.started != 0 => {
                Some(started == process.started)
            }
            Ok(_) => Some(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Some(false),
            Err(_) => None,
        }
    }
}

#[cfg(all(unix, not(target_os = "linux")))]
mod system {
    use super::Process;
    use std::process::{Command, Stdio};

    pub(crate) fn this() -> Option<Process> {
        Some(Process {
            pid: std::process::id(),
            started: 0,
            host: std::env::consts::OS.to_owned(),
        })
    }

    pub(crate) fn is_alive(process: &Process) -> Option<bool> {
        if process.host != std::env::consts::OS {
            return None;
        }
        let mut ask = Command::new("ps");
        ask.args(["-p", &process.pid.to_string()]);
        let ask = ask
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        ask.status().ok().map(|status| status.success())
    }
}

/// A WASI component has no number, and on Windows `std` does not tell who runs: a lock's age decides.
#[cfg(not(unix))]
mod system {
    use super::Process;

    pub(crate) fn this() -> Option<Process> {
        None
    }

    pub(crate) fn is_alive(_: &Process) -> Option<bool> {
        None
    }
}

pub(super) use system::{is_alive, this};

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn who_runs() {
        let us = this().unwrap();
        assert_eq!(is_alive(&us), Some(true));
        let before = Process {
            started: us.started - 1,
            ..us.clone()
        };
        assert_eq!(is_alive(&before), Some(false), "another one had the number");
        let elsewhere = Process {
            host: "elsewhere".into(),
            ..us.clone()
        };
        assert_eq!(is_alive(&elsewhere), None);
        let mut child = Command::new("true").spawn().unwrap();
        let it = Process {
            pid: child.id(),
            started: 0,
            ..us
        };
        let ends = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while is_alive(&it) == Some(true) {
            assert!(std::time::Instant::now() < ends, "it is a zombie by now");
        }
        child.wait().unwrap();
        assert_eq!(is_alive(&it), Some(false));
    }
}
