//! A handle on a memory, which a store may be opened over: what it can do is in `kept.rs`.

use dataknobs_kv::backend::memory::Memory;
use wasm_bindgen::prelude::*;

/// The memory, for those who write it down: see `dataknobs_kv::backend::memory::Memory`.
#[wasm_bindgen]
pub struct Journal(pub(crate) Memory);
