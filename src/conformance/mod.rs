//! The suite that every backend passes, and the backends that try it.
//!
//! ```
//! # use dataknobs_kv::{Host, backend::memory::Memory, conformance::{ManualHost, run}};
//! # use std::sync::Arc;
//! let host: Arc<dyn Host> = ManualHost::new(1_700_000_000_000);
//! let make = async || Ok(Memory::new(Default::default(), host.clone()));
//! let report = pollster::block_on(run(host.clone(), make));
//! report.assert();
//! ```
//!
//! Beside it: [`ManualHost`], a host whose clock the test moves; [`Minimal`], which implements only
//! what the trait does not provide; [`Late`], which answers at the second poll; [`Faulty`], which
//! loses requests and answers; and [`Broken`], which has one fault on purpose, to prove that the
//! suite notices it.

mod bench;
mod broken;
mod commit;
mod contend;
mod faulty;
mod host;
mod kept;
mod limits;
#[cfg(feature = "http")]
mod line;
mod provided;
mod read;
mod samples;
mod scan;
mod spaces;
mod store;
mod wrap;

pub use broken::{Broken, Defect};
pub use contend::{Tally, Work, contend, interleave};
pub use faulty::Faulty;
pub use host::ManualHost;
#[cfg(feature = "http")]
pub use line::{BadLine, Faults};
pub use wrap::{Late, Minimal};

use crate::{backend::Backend, error::Result, host::Host};
use bench::{Bench, Found};
use std::{fmt, sync::Arc};

/// What the suite found: one line a check.
#[derive(Debug, Default)]
pub struct Report {
    checks: Vec<(&'static str, Result<(), String>)>,
}

impl Report {
    /// Every check and what it found, in the order of the run.
    pub fn checks(&self) -> &[(&'static str, Result<(), String>)] {
        &self.checks
    }

    /// The checks that failed, and why.
    pub fn failures(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.checks
            .iter()
            .filter_map(|(name, result)| Some((*name, result.as_ref().err()?.as_str())))
    }

    /// Panics where a check failed, with all that did.
    ///
    /// # Panics
    /// Where a check failed.
    pub fn assert(&self) {
        assert!(self.failures().next().is_none(), "{self}");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failed = self.failures().count();
        writeln!(f, "{} checks, {failed} failed", self.checks.len())?;
        self.failures()
            .try_for_each(|(name, why)| writeln!(f, "  {name}: {why}"))
    }
}

macro_rules! suite {
    ($host:ident, $make:ident; $($group:ident { $($check:ident,)* })*) => {{
        let mut report = Report::default();
        $($({
            let result = match $make().await {
                Ok(backend) => {
                    let bench = Bench::new(backend, Arc::clone(&$host));
                    let result: Found = $group::$check(&bench).await;
                    let closed = bench.store.close().await;
                    result.and(closed.map_err(Into::into))
                }
                Err(error) => Err(error.into()),
            };
            let name = concat!(stringify!($group), "::", stringify!($check));
            report.checks.push((name, result.map_err(|fault| fault.0)));
        })*)*
        report
    }};
}

/// Runs every check, each over a backend of its own from `make`, which is empty. `host` is the one
/// that the backend has; where its clock is a real one, the suite really waits.
///
/// A backend that claims to be able to do little (`limits`) is asked for little, and for a refusal
/// of more.
pub async fn run<B: Backend>(host: Arc<dyn Host>, make: impl AsyncFn() -> Result<B>) -> Report {
    suite! { host, make;
        read {
            absent,
            what_was_written,
            many_in_the_order_asked,
            every_allowed_key_is_its_own,
        }
        commit {
            nothing,
            versions_are_never_used_twice,
            told_versions_are_those_stored,
            delete_removes_and_tells,
            expect_absent,
            expect_a_version,
            expect_without_a_change,
            expired_records_are_records,
            several_all_or_nothing,
            the_first_conflict_is_told,
            write_each_for_itself,
            write_a_large_batch,
        }
        scan {
            empty,
            byte_order,
            pages_are_complete,
            after_is_exclusive,
            prefix_is_complete,
            pattern_is_complete,
            keys_and_records,
            sees_acknowledged_writes,
            untouched_keys_appear_once,
        }
        spaces {
            never_see_each_other,
            whatever_the_names,
            are_listed,
            sweep_its_own_expired_only,
        }
        kept {
            values,
            metadata,
            times,
            write_ids,
            long_and_many,
        }
        limits {
            batch,
            key,
            value,
        }
        provided {
            visit,
            put,
            put_many,
            update,
            walk,
        }
        store {
            one_key,
            conditions,
            compare_and_swap,
            numbers_and_text,
            metadata,
            time_to_live,
            garbage,
            changes_read_the_clock,
            times_to_live_begin,
            many,
            patterns,
            pages,
            rename_and_copy,
            atomic,
            interleaved_changes,
            namespaces,
            closed,
        }
    }
}
