//! Checks and writes over several keys, all or nothing.

use super::{Entry, Ops, SetOptions, Store, commit::Planned, point::check_value};
use crate::{
    backend::Backend,
    error::{Error, ErrorKind, Result},
    record::Version,
    sorted::order,
    value::Value,
};

/// What a check of [`Atomic`] expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// No entry.
    Absent,
    /// The entry of this version.
    Version(Version),
}

/// How [`Atomic::commit`] ended.
#[derive(Clone, Debug)]
pub enum AtomicOutcome {
    /// Everything was written. The version of each write in its order; `None` for a delete.
    Done(Vec<Option<Version>>),
    /// Nothing was: the check at `index` (of the checks, in their order) did not hold.
    Lost {
        /// Which check.
        index: usize,
        /// What is under its key instead.
        entry: Option<Box<Entry>>,
    },
}

/// A new entry; `None` is a delete.
pub(super) type Write = Option<(Value, SetOptions)>;

/// Checks and writes that are made all or nothing: see [`Store::atomic`].
#[must_use = "nothing happens before commit"]
pub struct Atomic<'s> {
    ops: Ops<'s>,
    checks: Vec<(String, Check)>,
    writes: Vec<(String, Write)>,
}

impl<B: Backend> Store<B> {
    /// Begins a change of several keys that is made all or nothing.
    ///
    /// ```
    /// # use dataknobs_kv::{AtomicOutcome, Check, Store};
    /// # pollster::block_on(async {
    /// # let store = Store::memory();
    /// let booked = store
    ///     .atomic()
    ///     .check("seat.12", Check::Absent)
    ///     .set("seat.12", "Ada")
    ///     .set("guest.Ada", 12)
    ///     .commit()
    ///     .await?;
    /// assert!(matches!(booked, AtomicOutcome::Done(_)));
    /// # Ok::<(), dataknobs_kv::Error>(()) }).unwrap();
    /// ```
    pub fn atomic(&self) -> Atomic<'_> {
        Atomic {
            ops: self.ops(),
            checks: Vec::new(),
            writes: Vec::new(),
        }
    }
}

impl Atomic<'_> {
    /// Everything depends on `key` being as `check` says.
    pub fn check(mut self, key: impl Into<String>, check: Check) -> Self {
        self.checks.push((key.into(), check));
        self
    }

    /// Writes a new entry with `value` under `key`.
    pub fn set(self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.set_with(key, value, SetOptions::default())
    }

    /// Writes a new entry as `options` say (a time to live, metadata; conditions are checks here).
    pub fn set_with(
        mut self,
        key: impl Into<String>,
        value: impl Into<Value>,
        options: SetOptions,
    ) -> Self {
        self.writes
            .push((key.into(), Some((value.into(), options))));
        self
    }

    /// Removes the entry under `key`.
    pub fn delete(mut self, key: impl Into<String>) -> Self {
        self.writes.push((key.into(), None));
        self
    }

    /// Makes every write if every check holds, or nothing.
    ///
    /// # Errors
    /// `invalid-key`; `invalid-argument`: a key in two checks or in two writes, or a condition among
    /// the options; `unsupported`: more keys than the backend can change at once (`max_batch`);
    /// `closed`; `outcome-unknown`; and what the backend says.
    pub async fn commit(mut self) -> Result<AtomicOutcome> {
        self.ops.check_open()?;
        self.check_writes()?;
        let plan = self.plan()?;
        let max = self.ops.common.limits.max_batch;
        if plan.len() > max {
            let message = format!(
                "this backend changes at most {max} keys at once; this has {}",
                plan.len()
            );
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        wait!(self.ops.commit_plan(&plan, &self.writes))
    }

    fn check_writes(&mut self) -> Result<()> {
        for (key, write) in &mut self.writes {
            if let Some((value, options)) = write {
                options
                    .check()
                    .and_then(|()| check_value(value))
                    .map_err(|e| e.with_key(key))?;
                if !options.is_blind() {
                    return Err(Error::new(
                        ErrorKind::InvalidArgument,
                        "a set inside atomic() takes ttl and metadata only: put the condition into \
                         check()",
                    )
                    .with_key(key));
                }
            }
        }
        Ok(())
    }

    fn plan(&self) -> Result<Vec<Planned<'_>>> {
        let mut plan: Vec<Planned<'_>> = Vec::new();
        for (index, (key, check)) in self.checks.iter().enumerate() {
            let (key, check) = (self.ops.key(key)?, Some((index, check)));
            plan.push(Planned {
                key,
                check,
                write: None,
            });
        }
        for (index, (key, _)) in self.writes.iter().enumerate() {
            let (key, write) = (self.ops.key(key)?, Some(index));
            plan.push(Planned {
                key,
                check: None,
                write,
            });
        }
        let order = order(plan.len(), &mut |a, b| {
            plan.get(a)
                .map(|p| p.key)
                .cmp(&plan.get(b).map(|p| p.key))
                .then(a.cmp(&b))
        });
        let mut merged: Vec<Planned<'_>> = Vec::with_capacity(plan.len());
        for planned in order.into_iter().filter_map(|at| plan.get(at)) {
            let key = planned.key;
            match merged.last_mut().filter(|last| last.key == key) {
                None => merged.push(*planned),
                Some(last) if planned.check.is_none() && last.write.is_none() => {
                    last.write = planned.write;
                }
                Some(_) if planned.check.is_some() => return Err(repeated("checks", key.as_str())),
                Some(_) => return Err(repeated("writes", key.as_str())),
            }
        }
        Ok(merged)
    }
}

fn repeated(what: &str, key: &str) -> Error {
    Error::new(
        ErrorKind::InvalidArgument,
        format!("a key is in two {what} of one atomic(): name it once"),
    )
    .with_key(key)
}
