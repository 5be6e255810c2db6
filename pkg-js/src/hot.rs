//! The calls that must be fast: keys in the scratch buffer, a number back, no promise where the
//! backend is immediate.

use crate::{
    convert::to_js,
    hooks::{clear_stale, take_slot},
    op::Op,
    store::Store,
    wire::{ABSENT, TAKE, fail, leave, leave_lists, ready, with_text},
};
use dataknobs_kv::{Error, ErrorKind, Result, ScanOptions, SetOptions, Ttl, Value, backend::Want};
use js_sys::Array;
use wasm_bindgen::prelude::*;

/// What lies in a slot is answered with its number, everything else through `take()`.
#[inline]
fn code_of(value: &Value, inline: &mut Option<Value>) -> i32 {
    match value {
        Value::Host(held) => held.slot() as i32,
        other => {
            *inline = Some(other.clone());
            TAKE
        }
    }
}

/// Where the next NUL is, from `at` on: eight bytes at a time.
#[inline]
fn nul(bytes: &[u8], mut at: usize) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        let word = u64::from_le_bytes(*chunk);
        // The lowest bit is exact: borrows go upwards.
        let zeros = word.wrapping_sub(ONES) & !word & (ONES << 7);
        if zeros != 0 {
            return Some(at + zeros.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let rest = bytes.get(at..)?.iter().position(|byte| *byte == 0)?;
    Some(at + rest)
}

/// The keys of a batch: joined by NUL, which no key may hold.
#[inline(never)]
pub fn split(text: &str, count: usize) -> Result<Vec<&str>> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let mut keys = Vec::with_capacity(count);
    let mut from = 0;
    while let Some(to) = nul(text.as_bytes(), from) {
        keys.push(text.get(from..to).unwrap_or_default());
        from = to + 1;
    }
    keys.push(text.get(from..).unwrap_or_default());
    if keys.len() == count {
        return Ok(keys);
    }
    Err(Error::new(
        ErrorKind::InvalidKey,
        "a key holds the control character U+0000, which no key may hold",
    ))
}

/// A function over the scratch buffer's text that answers with a code.
#[inline]
fn over_text(len: usize, f: impl FnOnce(&str) -> Result<i32>) -> i32 {
    match with_text(len, f) {
        Ok(Ok(code)) => code,
        Ok(Err(error)) | Err(error) => fail(&error),
    }
}

/// Lets the module's memory grow once, and not by a page at a time: V8 counts each buffer that it had until then as
/// garbage that it should collect (600,000 keys took 14 s of collections).
fn grow_for(entries: usize) {
    const ENTRY: usize = 160;
    if entries > 10_000 {
        let mut room: Vec<u8> = Vec::new();
        // Where there is not so much, it may do all the same.
        let _ = room.try_reserve_exact(entries.saturating_mul(ENTRY));
        std::hint::black_box(room);
    }
}

#[wasm_bindgen]
impl Store {
    /// The value under a key: its slot, or a code.
    pub fn get(&self, len: usize) -> i32 {
        if let Some(fast) = self.fast() {
            return over_text(len, |key| {
                let mut inline = None;
                let code = ready(fast.view(key, |stored| {
                    stored.map_or(ABSENT, |s| code_of(s.value, &mut inline))
                }))?;
                Ok(match inline {
                    Some(value) => leave(to_js(&value)?, TAKE),
                    None => code,
                })
            });
        }
        over_text(len, |key| Ok(self.later(Op::Get, &[key.into()])))
    }

    /// Is there an entry under a key? 0, 1 or a code.
    pub fn exists(&self, len: usize) -> i32 {
        if let Some(fast) = self.fast() {
            return over_text(len, |key| ready(fast.exists(key)).map(i32::from));
        }
        over_text(len, |key| Ok(self.later(Op::Exists, &[key.into()])))
    }

    /// Removes what is under a key: 0, 1 or a code.
    pub fn delete(&self, len: usize) -> i32 {
        if let Some(fast) = self.fast() {
            let code = over_text(len, |key| ready(fast.delete(key)).map(i32::from));
            clear_stale(false);
            return code;
        }
        over_text(len, |key| Ok(self.later(Op::Delete, &[key.into()])))
    }

    /// Writes a value, for an immediate backend: the slot where JavaScript is to put it before it does anything
    /// else, or a code.
    pub fn set(&self, len: usize) -> i32 {
        let Some(fast) = self.fast() else {
            return ABSENT;
        };
        over_text(len, |key| {
            let held = take_slot();
            let slot = held.slot();
            ready(fast.set(key, Value::Host(held)))?;
            Ok(slot as i32)
        })
    }

    /// The same, with a time to live in seconds.
    pub fn set_for(&self, len: usize, ttl: f64) -> i32 {
        over_text(len, |key| {
            let held = take_slot();
            let slot = held.slot();
            let options = SetOptions {
                ttl: Some(Ttl::seconds(ttl).map_err(|e| e.with_key(key))?),
                ..SetOptions::default()
            };
            ready(self.inner().set_with(key, Value::Host(held), options))?;
            Ok(slot as i32)
        })
    }

    /// The values under `count` keys: how many numbers lie at `numbers()`, each a slot or a code
    /// (those of `TAKE` come in order in the array that `take()` gives), or a code.
    pub fn get_many(&self, len: usize, count: usize) -> i32 {
        if let Some(fast) = self.fast() {
            let inline = Array::new();
            let code = over_text(len, |text| {
                let keys = split(text, count)?;
                leave_lists(|numbers, _| {
                    numbers.reserve(count);
                    let mut fault = None;
                    ready(fast.view_many(&keys, |_, stored| {
                        numbers.push(match stored.map(|s| s.value) {
                            None => ABSENT,
                            Some(Value::Host(held)) => held.slot() as i32,
                            Some(value) => {
                                match to_js(value) {
                                    Ok(value) => drop(inline.push(&value)),
                                    Err(error) => fault = Some(error),
                                }
                                TAKE
                            }
                        });
                    }))?;
                    match fault {
                        Some(error) => Err(error),
                        None => Ok(numbers.len() as i32),
                    }
                })
            });
            if inline.length() > 0 && code >= 0 {
                leave(inline.into(), TAKE);
            }
            return code;
        }
        over_text(len, |text| {
            let keys: Array = split(text, count)?.into_iter().map(JsValue::from).collect();
            Ok(self.later(Op::GetMany, &[keys.into()]))
        })
    }

    /// Writes `count` values, for an immediate backend: the slot of each lies at `numbers()`, where
    /// JavaScript is to put it before it does anything else. How many there are, or a code; 0 with
    /// `count` > 0: `take()` gives an array of true and errors.
    pub fn set_many(&self, len: usize, count: usize, ttl: Option<f64>) -> i32 {
        let Some(fast) = self.fast() else {
            return ABSENT;
        };
        over_text(len, |text| {
            let keys = split(text, count)?;
            let ttl = ttl.map(Ttl::seconds).transpose()?;
            grow_for(count);
            let results = leave_lists(|numbers, _| {
                numbers.reserve(count);
                ready(fast.put_values(&keys, ttl, |_| {
                    let held = take_slot();
                    numbers.push(held.slot() as i32);
                    Value::Host(held)
                }))
            })?;
            clear_stale(false);
            if results.iter().all(Result::is_ok) {
                return Ok(count as i32);
            }
            let array = Array::new();
            for result in &results {
                array.push(&match result {
                    Ok(_) => JsValue::TRUE,
                    Err(error) => crate::hooks::thrown(error),
                });
            }
            Ok(leave(array.into(), 0))
        })
    }

    /// The keys that match a pattern. Where the backend has numbers for its keys: how many lie at
    /// `numbers()`, with the texts of those marked by their complement at `texts()`, joined by NUL.
    pub fn keys(
        &self,
        len: usize,
        limit: Option<f64>,
        after: Option<String>,
        reverse: bool,
    ) -> i32 {
        let options = ScanOptions {
            limit: limit.map(|n| n as usize),
            after,
            reverse,
        };
        if let Some(fast) = self.fast() {
            return over_text(len, |pattern| {
                leave_lists(|numbers, texts| {
                    ready(fast.walk(pattern, &options, Want::Keys, true, |found| {
                        let id = found.id.unwrap_or_default() as i32;
                        if found.first {
                            if !texts.is_empty() {
                                texts.push(0);
                            }
                            texts.extend_from_slice(found.key.as_bytes());
                            numbers.push(!id);
                        } else {
                            numbers.push(id);
                        }
                    }))?;
                    Ok(numbers.len() as i32)
                })
            });
        }
        over_text(len, |pattern| {
            let after = options.after.map_or(JsValue::UNDEFINED, JsValue::from);
            let args = [pattern.into(), limit.into(), after, reverse.into()];
            Ok(self.later(Op::ScanPage, &args))
        })
    }
}
