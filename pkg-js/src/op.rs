//! The calls that need not be the fastest: which there are, and their arguments.

use crate::convert::metadata_from_js;
use dataknobs_kv::{Result, SetOptions, Ttl, Version};
use js_sys::Array;
use wasm_bindgen::{JsCast, prelude::*};

/// The calls that need not be the fastest. One export and one future for all of them: one of each a
/// call costs 30 KB of wasm.
#[wasm_bindgen]
#[derive(Clone, Copy)]
pub enum Op {
    /// `key`
    Get,
    /// `key`
    Exists,
    /// `key`
    Delete,
    /// an array of keys; an array of values
    GetMany,
    /// `key, value, ttl, metadata, flags, ifVersion`
    SetWith,
    /// an array of such entries
    SetManyWith,
    /// `key`
    GetEntry,
    /// `key, version`
    DeleteIf,
    /// `key`
    GetAndDelete,
    /// `from, to`
    Rename,
    /// `from, to`
    Copy,
    /// an array of keys; an array of `[key, true, false or error]`
    DeleteMany,
    /// `pattern`; a Map
    GetPattern,
    /// `pattern`
    DeletePattern,
    /// `pattern`
    CountPattern,
    /// `pattern, limit, after, reverse, values`
    ScanPage,
    /// `key`
    GetMetadata,
    /// `key, fields`
    SetMetadata,
    /// `key, fields`
    ReplaceMetadata,
    /// `key`; seconds, or null: for ever
    Ttl,
    /// `key, seconds`
    Expire,
    /// `key`
    Persist,
    /// nothing
    CleanupExpired,
    /// `key, old, new`; `undefined` is absent
    CompareAndSwap,
    /// `key, f`
    Update,
    /// `key, version or null, value`
    Replace,
    /// `key, delta`
    Increment,
    /// `key, tail`
    Append,
    /// an array of `[key, version or null]`, and one of `[key, value, ttl, metadata]` (a set) or `[key]`
    Atomic,
    /// nothing
    Namespaces,
    /// nothing
    Clear,
    /// nothing
    Close,
}

/// The arguments of a call. The JavaScript half has checked their types.
pub struct Args(pub Array);

impl Args {
    pub fn at(&self, index: u32) -> JsValue {
        self.0.get(index)
    }
    pub fn text(&self, index: u32) -> String {
        self.optional_text(index).unwrap_or_default()
    }
    pub fn optional_text(&self, index: u32) -> Option<String> {
        self.at(index).as_string()
    }
    pub fn number(&self, index: u32) -> Option<f64> {
        self.at(index).as_f64()
    }
    pub fn flag(&self, index: u32) -> bool {
        self.at(index).is_truthy()
    }
    pub fn version(&self, index: u32) -> Option<Version> {
        self.optional_text(index).map(|text| Version::parse(&text))
    }
    pub fn rows(&self, index: u32) -> Vec<Args> {
        let rows: Array = self.at(index).unchecked_into();
        rows.iter().map(|row| Args(row.unchecked_into())).collect()
    }
    pub fn texts(&self, index: u32) -> Vec<String> {
        let texts: Array = self.at(index).unchecked_into();
        texts.iter().filter_map(|text| text.as_string()).collect()
    }
    /// The options of a `set`, from the third argument on.
    pub fn set_options(&self) -> Result<SetOptions> {
        let flags = self.number(4).unwrap_or_default() as u32;
        Ok(SetOptions {
            ttl: self.number(2).map(Ttl::seconds).transpose()?,
            metadata: metadata_from_js(&self.at(3))?,
            if_absent: flags & 1 != 0,
            keep_ttl: flags & 2 != 0,
            keep_metadata: flags & 4 != 0,
            if_version: self.version(5),
        })
    }
}
