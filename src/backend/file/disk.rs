//! The machine's own file system, through `std::fs`: natively, and `wasi:filesystem` in a component.

use super::files::{Files, Process, Stat};
use crate::error::{Error, ErrorKind, Result};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// The file system of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

/// An open file and its path, for messages.
#[derive(Debug)]
pub struct DiskHandle {
    file: File,
    path: Box<str>,
}

fn fault(path: &str, error: &io::Error) -> Error {
    use io::ErrorKind as Io;
    let (kind, hint) = match error.kind() {
        Io::NotFound if cfg!(target_os = "wasi") => (
            ErrorKind::NotFound,
            "its folder does not exist, or is not open to this component: create it, and let the host \
             give it (a preopened directory; with wasmtime, --dir)",
        ),
        Io::NotFound => (
            ErrorKind::NotFound,
            "its folder does not exist: create it first",
        ),
        Io::PermissionDenied | Io::ReadOnlyFilesystem => (
            ErrorKind::AccessDenied,
            "this process needs to read and write it, and to create files beside it",
        ),
        Io::StorageFull | Io::QuotaExceeded | Io::FileTooLarge => {
            (ErrorKind::QuotaExceeded, "the disk is full: make room")
        }
        Io::IsADirectory => (
            ErrorKind::InvalidArgument,
            "it is a folder: give the path of a file",
        ),
        Io::NotADirectory | Io::InvalidInput | Io::InvalidFilename => (
            ErrorKind::InvalidArgument,
            "it can be no file's path: give another one",
        ),
        // There a write that fails does not say why.
        _ if cfg!(target_os = "wasi") => (
            ErrorKind::Unavailable,
            "the file system refused, perhaps as the disk is full",
        ),
        _ => (ErrorKind::Unavailable, "the file system refused"),
    };
    Error::new(kind, format!("{path}: {hint} ({error})"))
}

/// `None` where there is nothing.
fn if_there<T>(path: &str, result: io::Result<T>) -> Result<Option<T>> {
    match result {
        Ok(done) => Ok(Some(done)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(fault(path, &error)),
    }
}

/// In nanoseconds.
fn modified(found: &fs::Metadata) -> u64 {
    let since = found
        .modified()
        .ok()
        .and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    since.map_or(0, |since| since.as_nanos() as u64)
}

#[cfg(unix)]
fn stat_in(file: &File) -> io::Result<Stat> {
    file.metadata().map(|found| numbered(&found))
}

#[cfg(unix)]
fn stat_at(path: &str) -> io::Result<Stat> {
    fs::metadata(path).map(|found| numbered(&found))
}

#[cfg(unix)]
fn numbered(found: &fs::Metadata) -> Stat {
    use std::os::unix::fs::MetadataExt;
    Stat {
        len: found.len(),
        identity: found.ino() ^ found.dev().rotate_left(32),
        modified: modified(found),
    }
}

/// Without an inode's number: FNV-1a over the header, which holds a random number.
#[cfg(not(unix))]
fn stat_in(mut file: &File) -> io::Result<Stat> {
    let mut head = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(super::HEADER_LEN as u64).read_to_end(&mut head)?;
    let identity = head.iter().fold(0xcbf2_9ce4_8422_2325, |sum: u64, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    });
    let found = file.metadata()?;
    Ok(Stat {
        len: found.len(),
        identity,
        modified: modified(&found),
    })
}

#[cfg(not(unix))]
fn stat_at(path: &str) -> io::Result<Stat> {
    stat_in(&File::open(path)?)
}

impl Files for Disk {
    type Handle = DiskHandle;

    fn resolve(&self, path: &str) -> Result<String> {
        let nowhere = || {
            Error::new(
                ErrorKind::InvalidArgument,
                format!("{path:?} is no path of a file: give one such as data/store.json"),
            )
        };
        let name = Path::new(path).file_name().ok_or_else(nowhere)?;
        if path.ends_with(['/', std::path::MAIN_SEPARATOR]) {
            return Err(nowhere());
        }
        let whole = match fs::canonicalize(path) {
            Ok(whole) => whole,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let folder = Path::new(path).parent().unwrap_or(Path::new(""));
                let folder = if folder.as_os_str().is_empty() {
                    Path::new(".")
                } else {
                    folder
                };
                match fs::canonicalize(folder) {
                    Ok(folder) => folder.join(name),
                    Err(e) if e.kind() == io::ErrorKind::Unsupported => return Ok(path.into()),
                    Err(error) => return Err(fault(path, &error)),
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Unsupported => return Ok(path.into()),
            Err(error) => return Err(fault(path, &error)),
        };
        whole.into_os_string().into_string().map_err(|_| nowhere())
    }

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        if_there(path, fs::read(path))
    }

    fn stat(&self, path: &str) -> Result<Option<Stat>> {
        if_there(path, stat_at(path))
    }

    fn open(&self, path: &str) -> Result<Option<DiskHandle>> {
        let opened = OpenOptions::new().read(true).append(true).open(path);
        Ok(if_there(path, opened)?.map(|file| DiskHandle {
            file,
            path: path.into(),
        }))
    }

    fn stat_of(&self, handle: &DiskHandle) -> Result<Stat> {
        stat_in(&handle.file).map_err(|error| fault(&handle.path, &error))
    }

    fn read_from(&self, handle: &DiskHandle, from: u64) -> Result<Vec<u8>> {
        let read = || -> io::Result<Vec<u8>> {
            let mut file = &handle.file;
            // Again where a tail was cut off meanwhile.
            for _ in 0..3 {
                let expected = file.metadata()?.len().saturating_sub(from);
                let mut bytes = Vec::new();
                file.seek(SeekFrom::Start(from))?;
                // Through `take`: on wasm32-wasip2 a file's own `read_to_end` finds nothing in one that
                // is appended to (Rust 1.95).
                file.take(u64::MAX).read_to_end(&mut bytes)?;
                // Whoever took less for all of it would throw the rest away.
                if bytes.len() as u64 >= expected {
                    return Ok(bytes);
                }
            }
            Err(io::ErrorKind::UnexpectedEof.into())
        };
        read().map_err(|error| fault(&handle.path, &error))
    }

    fn append(&self, handle: &DiskHandle, bytes: &[u8]) -> Result<()> {
        let written = (&handle.file).write_all(bytes);
        written.map_err(|error| fault(&handle.path, &error))
    }

    fn sync(&self, handle: &DiskHandle) -> Result<()> {
        let done = handle.file.sync_data();
        done.map_err(|error| fault(&handle.path, &error))
    }

    fn truncate(&self, handle: &DiskHandle, len: u64) -> Result<()> {
        let done = handle.file.set_len(len);
        done.map_err(|error| fault(&handle.path, &error))
    }

    fn create_new(&self, path: &str, bytes: &[u8]) -> Result<bool> {
        let created = OpenOptions::new().write(true).create_new(true).open(path);
        let mut file = match created {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
            Err(error) => return Err(fault(path, &error)),
        };
        match file.write_all(bytes) {
            Ok(()) => Ok(true),
            Err(error) => {
                // What is left of it is removed as one that says nothing.
                let _ = fs::remove_file(path);
                Err(fault(path, &error))
            }
        }
    }

    fn replace(&self, path: &str, aside: &str, bytes: &[u8]) -> Result<()> {
        let done = write_aside(path, aside, bytes).and_then(|()| fs::rename(aside, path));
        if let Err(error) = done {
            let _ = fs::remove_file(aside);
            return Err(fault(path, &error));
        }
        // The new name is there already; a crash of the machine may still bring back the old one.
        #[cfg(unix)]
        if let Some(folder) = Path::new(path).parent()
            && let Ok(folder) = File::open(folder)
        {
            let _ = folder.sync_all();
        }
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> Result<()> {
        fs::rename(from, to).map_err(|error| fault(to, &error))
    }

    fn remove(&self, path: &str) -> Result<()> {
        if_there(path, fs::remove_file(path)).map(drop)
    }

    fn process(&self) -> Option<Process> {
        super::process::this()
    }

    fn is_alive(&self, process: &Process) -> Option<bool> {
        super::process::is_alive(process)
    }

    fn now(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |since| since.as_millis() as u64)
    }

    fn sleep(&self, milliseconds: u64) {
        if milliseconds == 0 {
            std::thread::yield_now();
        } else {
            std::thread::sleep(Duration::from_millis(milliseconds));
        }
    }

    #[cfg(feature = "gzip")]
    fn gzip(&self, bytes: &[u8]) -> Result<Vec<u8>> {
        super::gzip::gzip(bytes).map_err(|error| fault("gzip", &error))
    }

    #[cfg(feature = "gzip")]
    fn gunzip(&self, bytes: &[u8]) -> Result<Vec<u8>> {
        super::gzip::gunzip(bytes).map_err(|error| {
            let message = format!("not in gzip format, or not all of it ({error})");
            Error::new(ErrorKind::Corrupt, message)
        })
    }

    #[cfg(not(feature = "gzip"))]
    fn gzip(&self, _: &[u8]) -> Result<Vec<u8>> {
        Err(without_gzip())
    }

    #[cfg(not(feature = "gzip"))]
    fn gunzip(&self, _: &[u8]) -> Result<Vec<u8>> {
        Err(without_gzip())
    }
}

#[cfg(not(feature = "gzip"))]
fn without_gzip() -> Error {
    Error::new(
        ErrorKind::Unsupported,
        "this build has no gzip: switch on the feature `gzip` of dataknobs-kv",
    )
}

fn write_aside(path: &str, aside: &str, bytes: &[u8]) -> io::Result<()> {
    // A first journal is as its document.
    let like = path.strip_suffix(".journal").unwrap_or(path);
    let old = fs::metadata(path).or_else(|_| fs::metadata(like)).ok();
    let mut file = create_aside(aside, old.is_some())?;
    // Who may read the old one may read the new one, and nobody else before.
    if let Some(old) = old {
        #[cfg(unix)]
        {
            use std::os::unix::fs::{MetadataExt, fchown};
            // Only root may give a file away.
            let _ = fchown(&file, Some(old.uid()), Some(old.gid()));
        }
        let _ = file.set_permissions(old.permissions());
    }
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg_attr(not(unix), allow(unused_variables))]
fn create_aside(path: &str, closed: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    if closed {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)
}
