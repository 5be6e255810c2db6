//! The file system of Node, Deno and Bun, as the core's file backend asks for it.

use crate::{
    hooks::{Js, caught, clear_stale, thrown},
    journal::Journal,
};
use dataknobs_kv::{
    ErrorKind, Result,
    backend::file::{self, FileOptions, Files, Process, Stat},
};
use std::{rc::Rc, sync::Arc};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// `node:fs` in the form of `Files`: each call throws a `KVError`.
    pub type Fs;

    #[wasm_bindgen(method, catch)]
    fn resolve(this: &Fs, path: &str) -> Result<String, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn read(this: &Fs, path: &str) -> Result<Option<Vec<u8>>, JsValue>;
    /// The length; -1: there is nothing.
    #[wasm_bindgen(method, catch)]
    fn stat(this: &Fs, path: &str) -> Result<f64, JsValue>;
    /// The length.
    #[wasm_bindgen(method, catch)]
    fn stat_of(this: &Fs, handle: i32) -> Result<f64, JsValue>;
    /// Is it still at its path, and of this length?
    #[wasm_bindgen(method)]
    fn is_still(this: &Fs, handle: i32, len: f64) -> bool;
    /// The inode that was looked at last.
    #[wasm_bindgen(method)]
    fn identity(this: &Fs) -> f64;
    /// When its bytes were changed last, in milliseconds.
    #[wasm_bindgen(method)]
    fn modified(this: &Fs) -> f64;
    /// A descriptor; -1: there is nothing.
    #[wasm_bindgen(method, catch)]
    fn open(this: &Fs, path: &str) -> Result<i32, JsValue>;
    #[wasm_bindgen(method)]
    fn close(this: &Fs, handle: i32);
    #[wasm_bindgen(method, catch)]
    fn read_from(this: &Fs, handle: i32, from: f64) -> Result<Vec<u8>, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn append(this: &Fs, handle: i32, bytes: &[u8]) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    fn sync(this: &Fs, handle: i32) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    fn truncate(this: &Fs, handle: i32, len: f64) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    fn create_new(this: &Fs, path: &str, bytes: &[u8]) -> Result<bool, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn replace(this: &Fs, path: &str, aside: &str, bytes: &[u8]) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    fn rename(this: &Fs, from: &str, to: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    fn remove(this: &Fs, path: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(method)]
    fn pid(this: &Fs) -> u32;
    /// When this process began.
    #[wasm_bindgen(method)]
    fn started(this: &Fs) -> f64;
    /// Where its number means it; empty where that cannot be told.
    #[wasm_bindgen(method)]
    fn host(this: &Fs) -> String;
    /// 1: it runs; 0: it does not; -1: nobody knows.
    #[wasm_bindgen(method)]
    fn is_alive(this: &Fs, pid: u32, started: f64, host: &str) -> i32;
    #[wasm_bindgen(method)]
    fn now(this: &Fs) -> f64;
    #[wasm_bindgen(method)]
    fn sleep(this: &Fs, milliseconds: f64);
    #[wasm_bindgen(method, catch)]
    fn gzip(this: &Fs, bytes: &[u8]) -> Result<Vec<u8>, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn gunzip(this: &Fs, bytes: &[u8]) -> Result<Vec<u8>, JsValue>;
}

fn held<T>(result: Result<T, JsValue>) -> Result<T> {
    result.map_err(|error| caught(&error, ErrorKind::Unavailable))
}

/// The file system.
#[derive(Clone)]
pub struct System(Rc<Fs>);

/// An open file.
pub struct Handle(Rc<Fs>, i32);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.close(self.1);
    }
}

impl System {
    fn stat_with(&self, len: f64) -> Stat {
        Stat {
            len: len as u64,
            identity: self.0.identity() as u64,
            modified: (self.0.modified() * 1000.0) as u64,
        }
    }
}

impl Files for System {
    type Handle = Handle;

    fn resolve(&self, path: &str) -> Result<String> {
        held(self.0.resolve(path))
    }
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        held(self.0.read(path))
    }
    fn stat(&self, path: &str) -> Result<Option<Stat>> {
        let len = held(self.0.stat(path))?;
        Ok((len >= 0.0).then(|| self.stat_with(len)))
    }
    fn is_still(&self, handle: &Handle, len: u64) -> bool {
        self.0.is_still(handle.1, len as f64)
    }
    fn open(&self, path: &str) -> Result<Option<Handle>> {
        let handle = held(self.0.open(path))?;
        Ok((handle >= 0).then(|| Handle(Rc::clone(&self.0), handle)))
    }
    fn stat_of(&self, handle: &Handle) -> Result<Stat> {
        let len = held(self.0.stat_of(handle.1))?;
        Ok(self.stat_with(len))
    }
    fn read_from(&self, handle: &Handle, from: u64) -> Result<Vec<u8>> {
        held(self.0.read_from(handle.1, from as f64))
    }
    fn append(&self, handle: &Handle, bytes: &[u8]) -> Result<()> {
        held(self.0.append(handle.1, bytes))
    }
    fn sync(&self, handle: &Handle) -> Result<()> {
        held(self.0.sync(handle.1))
    }
    fn truncate(&self, handle: &Handle, len: u64) -> Result<()> {
        held(self.0.truncate(handle.1, len as f64))
    }
    fn create_new(&self, path: &str, bytes: &[u8]) -> Result<bool> {
        held(self.0.create_new(path, bytes))
    }
    fn replace(&self, path: &str, aside: &str, bytes: &[u8]) -> Result<()> {
        held(self.0.replace(path, aside, bytes))
    }
    fn rename(&self, from: &str, to: &str) -> Result<()> {
        held(self.0.rename(from, to))
    }
    fn remove(&self, path: &str) -> Result<()> {
        held(self.0.remove(path))
    }
    fn process(&self) -> Option<Process> {
        let host = self.0.host();
        (!host.is_empty()).then(|| Process {
            pid: self.0.pid(),
            started: self.0.started() as u64,
            host,
        })
    }
    fn is_alive(&self, process: &Process) -> Option<bool> {
        let Process { pid, started, host } = process;
        match self.0.is_alive(*pid, *started as f64, host) {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
    fn now(&self) -> u64 {
        self.0.now() as u64
    }
    fn sleep(&self, milliseconds: u64) {
        self.0.sleep(milliseconds as f64);
    }
    fn gzip(&self, bytes: &[u8]) -> Result<Vec<u8>> {
        held(self.0.gzip(bytes))
    }
    fn gunzip(&self, bytes: &[u8]) -> Result<Vec<u8>> {
        held(self.0.gunzip(bytes))
    }
}

/// A file that a store's memory is written into, a group at a time.
#[wasm_bindgen]
pub struct Disk(file::File<System>);

fn js<T>(result: Result<T>) -> Result<T, JsValue> {
    clear_stale(false);
    result.map_err(|error| thrown(&error))
}

#[wasm_bindgen]
impl Disk {
    /// Opens a document and its journal.
    #[wasm_bindgen(constructor)]
    pub fn new(
        path: &str,
        compression: Option<String>,
        durability: Option<String>,
        fs: Fs,
    ) -> Result<Disk, JsValue> {
        let options = FileOptions::named(None, compression.as_deref(), durability.as_deref());
        let system = System(Rc::new(fs));
        js(options.and_then(|options| file::File::open(path, options, system, Arc::new(Js))))
            .map(Disk)
    }

    /// The memory that is written down.
    pub fn memory(&self) -> Journal {
        Journal(self.0.memory().clone())
    }

    /// Reads what other processes have written.
    pub fn refresh(&self) -> Result<(), JsValue> {
        js(self.0.refresh())
    }

    /// Holds the lock from now on.
    pub fn begin(&self) -> Result<(), JsValue> {
        js(self.0.begin_group())
    }

    /// Writes down what has changed since: true. False: others did, and it is to be made again.
    pub fn end(&self) -> Result<bool, JsValue> {
        match self.0.end_group() {
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(false),
            ended => js(ended.map(|()| true)),
        }
    }

    /// Is the journal so long that it should be folded?
    pub fn is_untidy(&self) -> bool {
        self.0.is_untidy()
    }

    /// Folds it then.
    pub fn tidy(&self) -> Result<(), JsValue> {
        js(self.0.tidy())
    }

    /// Folds the journal, and lets go of the files.
    pub fn close(&self) -> Result<(), JsValue> {
        js(crate::wire::ready(dataknobs_kv::backend::Backend::close(
            &self.0,
        )))
    }
}
