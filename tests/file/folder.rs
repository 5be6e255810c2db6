//! A folder of a test's own.

use dataknobs_kv::{
    Host, Result, Store, System,
    backend::file::{Disk, File, FileOptions},
};
use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("dataknobs-kv-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("a folder for the test");
        Folder(path)
    }

    pub fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("a plain path").to_owned()
    }

    /// The names of what is in it.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).expect("the folder");
        let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
        let mut names: Vec<String> = entries
            .map(|entry| name(entry).to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub fn system() -> Arc<dyn Host> {
    Arc::new(System::default())
}

pub fn open_with(path: &str, options: FileOptions) -> Result<Store<File<Disk>>> {
    let host = system();
    let file = File::open(path, options, Disk, Arc::clone(&host))?;
    Ok(Store::new(file, host))
}

pub fn open(path: &str) -> Result<Store<File<Disk>>> {
    open_with(path, FileOptions::default())
}
