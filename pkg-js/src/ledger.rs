//! The file backend without files, for JavaScript that reads and writes them.

use crate::{
    hooks::{Js, clear_stale, thrown},
    journal::Journal,
};
use dataknobs_kv::{
    Host, Result,
    backend::file::{self, Fit, Tail},
};
use std::cell::RefCell;
use wasm_bindgen::prelude::*;

/// A document and its journal: see `dataknobs_kv::backend::file::Ledger`.
#[wasm_bindgen]
pub struct Ledger(RefCell<file::Ledger>);

fn js<T>(result: Result<T>) -> Result<T, JsValue> {
    clear_stale(false);
    result.map_err(|error| thrown(&error))
}

/// 0: nothing is to be done; 1: a fresh journal is to be written; 2: a document, then a fresh journal;
/// 3: the document is to be read again.
fn fit(fit: Fit) -> u8 {
    match fit {
        Fit::Fits => 0,
        Fit::Fresh => 1,
        Fit::Fold => 2,
        Fit::Reread => 3,
    }
}

/// The lock is held whenever something is read: what is at the end is nobody's any more.
#[wasm_bindgen]
impl Ledger {
    /// The ledger of a memory that is written into the file `name`.
    #[wasm_bindgen(constructor)]
    pub fn new(name: &str, memory: &Journal) -> Ledger {
        Ledger(RefCell::new(file::Ledger::new(name, memory.0.clone())))
    }

    /// `edited`: somebody has edited the document.
    pub fn open(
        &self,
        document: Option<Vec<u8>>,
        journal: Option<Vec<u8>>,
        edited: bool,
    ) -> Result<u8, JsValue> {
        let mut ledger = self.0.borrow_mut();
        let (document, journal) = (document.as_deref(), journal.as_deref());
        js(match edited {
            true => ledger.take_over(document, journal),
            false => ledger.open(document, journal, Tail::Final),
        })
        .map(fit)
    }

    /// Another journal has taken the place of the one that was known.
    pub fn switch_journal(&self, journal: &[u8]) -> Result<u8, JsValue> {
        js(self.0.borrow_mut().switch(journal, Tail::Final)).map(fit)
    }

    /// What lies in the journal beyond `length`.
    pub fn feed(&self, bytes: &[u8]) -> Result<(), JsValue> {
        js(self.0.borrow_mut().feed(bytes, Tail::Final))
    }

    pub fn length(&self) -> f64 {
        self.0.borrow().length() as f64
    }

    pub fn begin(&self) {
        self.0.borrow_mut().begin();
    }

    /// The frame to be appended at `length`.
    pub fn changes(&self) -> Result<Option<Vec<u8>>, JsValue> {
        let mut ledger = self.0.borrow_mut();
        js(ledger.seal().map(|frame| frame.map(<[u8]>::to_vec)))
    }

    pub fn keep(&self) {
        self.0.borrow_mut().kept();
        clear_stale(false);
    }

    pub fn roll_back(&self) {
        self.0.borrow_mut().roll_back();
        clear_stale(false);
    }

    /// Something else was appended as well: do the changes stand? Else they are taken back.
    pub fn settle(&self, bytes: &[u8]) -> bool {
        self.0.borrow_mut().settle(bytes)
    }

    pub fn is_ahead(&self) -> bool {
        self.0.borrow().is_ahead()
    }

    pub fn should_fold(&self) -> bool {
        self.0.borrow().should_fold()
    }

    pub fn document(&self) -> Result<Vec<u8>, JsValue> {
        js(self.0.borrow().document())
    }

    pub fn fresh_journal(&self) -> Vec<u8> {
        self.0.borrow().fresh_journal(Js.random())
    }

    /// A document of `length` bytes and a fresh journal are there.
    pub fn folded(&self, length: f64) {
        self.0.borrow_mut().folded(length as u64);
    }
}
