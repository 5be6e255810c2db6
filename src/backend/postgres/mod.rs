//! PostgreSQL, over HTTP or over a client of the user's.
//!
//! One table holds a store: a row a key, which has the envelope, the version (from a sequence), and beside
//! them what people and the clean-up look at: `metadata` as `jsonb`, `expires_at`, `created_at`,
//! `updated_at` (`create.sql`). Keys are in byte order (`COLLATE "C"`).
//!
//! Every operation is one statement, whatever it checks and changes, and a transaction of its own: a
//! file here each. Only the table's name, quoted, is ever put into one; all else are parameters.
//!
//! `commit.sql` locks the rows that there are in the order of their keys, and sees them as they are then.
//! A row that came after the statement began is met by its `INSERT … ON CONFLICT`; where a key that must
//! stay absent has no row, it gets one without an envelope. So all keys of a commit are locked when it
//! ends, and no two commits that contradict each other both win, at the default isolation level.
//!
//! [`Sql`] is how statements get there: [`Neon`] over HTTP, or an object of the user's.

mod neon;
mod open;
mod record;
mod sql;
mod statements;

pub use neon::Neon;
pub use sql::{Answer, Refusal, Sql};

use super::{
    Backend, CLOCK_SKEW, Commit, Expect, Freshness, Limits, Mutation, Page, Scan, Want,
    wire::{Action, Batch, Step},
};
use crate::{
    error::{Error, ErrorKind, Result},
    host::Host,
    http::ServerClock,
    key::{Key, Namespace},
    record::Stored,
};
use record::{Columns, Row};
use statements::{Array, Statements};
use std::sync::Arc;

/// How many mutations one statement gets.
const MAX_BATCH: usize = 1_000;
/// How many keys one read or one page asks for.
const MAX_READ: usize = 1_000;
/// PostgreSQL's own limit is 1 GB; whoever stands before it takes far less in one request.
const MAX_VALUE: usize = 16 << 20;
/// A batch is split into requests of about so many bytes, and an answer into as many.
const MAX_BYTES: usize = 4 << 20;
/// How many expired entries one statement removes.
const MAX_SWEPT: u64 = 10_000;
/// How often a statement that met others is tried.
const MAX_RACES: u32 = 20;

/// Where the entries are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostgresOptions {
    /// The table's schema; `None`: the first of the search path.
    pub schema: Option<String>,
    /// The table.
    pub table: String,
    /// May it be created where there is none?
    pub create: bool,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        PostgresOptions {
            schema: None,
            table: "kv_store".to_owned(),
            create: true,
        }
    }
}

/// A backend in PostgreSQL 12 or later, or what speaks like it.
pub struct Postgres<S> {
    sql: S,
    clock: Arc<ServerClock>,
    statements: Statements,
}

/// What is asked about a batch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    All,
    Each,
}

impl<S: Sql> Postgres<S> {
    /// Runs a statement; again, where others were in its way. Each row begins with the server's time.
    async fn run(&self, text: &str, parameters: &[&str], repeatable: bool) -> Result<Vec<Row>> {
        for attempt in 0..MAX_RACES {
            let sent = self.clock.uncorrected();
            match self.sql.query(text, parameters, repeatable).await? {
                Answer::Rows(rows) => {
                    if let Some(row) = rows.first() {
                        let received = self.clock.uncorrected();
                        self.clock.learn(sent, received, record::number(row, 0)?, 1);
                    }
                    return Ok(rows);
                }
                Answer::Refused(refusal) if refusal.is_race() => {
                    let bound = 1_u64 << attempt.min(7);
                    self.clock.sleep(self.clock.random() % bound).await;
                }
                Answer::Refused(refusal) => return Err(refusal.into_error(repeatable)),
            }
        }
        Err(Error::new(
            ErrorKind::Conflict,
            format!("other writers were in the way {MAX_RACES} times in a row: try again"),
        ))
    }

    /// One statement over mutations of one namespace; a row each.
    async fn change(&self, steps: &[Step<'_>], mode: Mode) -> Result<Vec<Row>> {
        let Some(first) = steps.first() else {
            return Ok(Vec::new());
        };
        let namespace = first.key.namespace().as_str();
        let of = Columns::of(steps);
        let expected: Vec<String> = steps
            .iter()
            .map(|step| match step.expect {
                Expect::Any => "*".to_owned(),
                Expect::Absent => "-".to_owned(),
                Expect::At(version) => version.to_string(),
            })
            .collect();
        let actions = steps.iter().map(|step| match step.action {
            Action::Put(_) => "put",
            Action::Delete => "delete",
            Action::Keep => "keep",
        });
        let parameters = [
            namespace,
            if mode == Mode::All { "true" } else { "false" },
            &of.keys,
            &Array::of(expected.iter().map(String::as_str)),
            &Array::of(actions),
            &of.envelopes,
            &of.expires,
            &of.metadata,
            &of.created,
            &of.updated,
        ];
        let rows = self
            .run(&self.statements.commit, &parameters, false)
            .await?;
        counted(rows, steps.len())
    }

    /// One statement over records of one namespace, which are written whatever is there.
    async fn put(&self, steps: &[Step<'_>]) -> Result<Vec<Row>> {
        let Some(first) = steps.first() else {
            return Ok(Vec::new());
        };
        let namespace = first.key.namespace().as_str();
        let of = Columns::of(steps);
        let parameters = [
            namespace,
            &of.keys,
            &of.envelopes,
            &of.expires,
            &of.metadata,
            &of.created,
            &of.updated,
        ];
        let rows = self.run(&self.statements.put, &parameters, false).await?;
        counted(rows, steps.len())
    }

    /// The fate of each of the steps, which are of one namespace.
    async fn each(&self, steps: &[Step<'_>]) -> Vec<Result<Commit>> {
        let blind = |step: &Step<'_>| {
            matches!(step.expect, Expect::Any) && matches!(step.action, Action::Put(_))
        };
        let fates: Result<Vec<Result<Commit>>> = if steps.iter().all(blind) {
            let rows = self.put(steps).await;
            rows.map(|rows| rows.iter().map(record::put).collect())
        } else {
            let rows = self.change(steps, Mode::Each).await;
            let alone = |row: &Row| match record::fate(row)? {
                // Alone it has no index.
                Some(Commit::Conflict { .. }) => Ok(Commit::Conflict { index: 0 }),
                Some(commit) => Ok(commit),
                None => Err(record::strange("a batch")),
            };
            rows.map(|rows| rows.iter().map(alone).collect())
        };
        fates.unwrap_or_else(|error| steps.iter().map(|_| Err(error.clone())).collect())
    }
}

fn counted(rows: Vec<Row>, expected: usize) -> Result<Vec<Row>> {
    if rows.len() == expected {
        Ok(rows)
    } else {
        // It may have been done.
        let error = record::strange("a batch");
        Err(Error::new(ErrorKind::OutcomeUnknown, error.message()))
    }
}

impl<S: Sql> Backend for Postgres<S> {
    fn limits(&self) -> Limits {
        Limits {
            max_batch: MAX_BATCH,
            max_value: MAX_VALUE,
            clock_skew: CLOCK_SKEW,
            loses_answers: true,
            ..Limits::default()
        }
    }

    async fn read(&self, keys: &[Key<'_>], _: Freshness) -> Result<Vec<Option<Stored>>> {
        let mut found: Vec<Option<Stored>> = Vec::with_capacity(keys.len());
        while let Some(first) = keys.get(found.len()) {
            let rest = keys.get(found.len()..).unwrap_or_default();
            let same = |key: &&Key<'_>| key.namespace() == first.namespace();
            let asked = rest.iter().take(MAX_READ).take_while(same).count();
            let start = found.len();
            found.resize_with(start + asked, || None);
            let asked = rest.iter().take(asked);
            let parameters = [
                first.namespace().as_str(),
                &Array::of(asked.map(Key::as_str)),
                &MAX_BYTES.to_string(),
            ];
            let answer = self
                .sql
                .query(&self.statements.read, &parameters, true)
                .await?;
            let rows = match answer {
                Answer::Rows(rows) => rows,
                Answer::Refused(refusal) => return Err(refusal.into_error(true)),
            };
            for row in &rows {
                let place = record::number(row, 0)?.checked_sub(1);
                let place = place.ok_or_else(|| record::strange("a read"))? as usize;
                let Some(envelope) = record::item(row, 2)? else {
                    // It would be too much at once: from here on it is asked again.
                    found.truncate(start + place);
                    break;
                };
                let key = rest.get(place).map(Key::as_str).unwrap_or_default();
                let stored = record::read(record::text(row, 1)?, envelope);
                let slot = found.get_mut(start + place);
                *slot.ok_or_else(|| record::strange("a read"))? =
                    Some(stored.map_err(|e| e.with_key(key))?);
            }
            if found.len() == start {
                return Err(record::strange("a read"));
            }
        }
        Ok(found)
    }

    async fn commit(&self, batch: &[Mutation<'_>]) -> Result<Commit> {
        if batch.len() > MAX_BATCH {
            let message = format!(
                "one commit changes at most {MAX_BATCH} keys here; this one has {}",
                batch.len()
            );
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        let one = |pair: &[Mutation<'_>]| match pair {
            [a, b] => a.key.namespace() == b.key.namespace(),
            _ => true,
        };
        if !batch.windows(2).all(one) {
            let message = "one commit is about one namespace";
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        let steps: Result<Vec<Step<'_>>> = batch.iter().map(|m| Step::of(m, MAX_VALUE)).collect();
        let rows = self.change(&steps?, Mode::All).await?;
        let mut done = Vec::with_capacity(batch.len());
        for row in &rows {
            match record::fate(row)? {
                Some(Commit::Done(applied)) => done.extend(applied),
                Some(conflict) => return Ok(conflict),
                None => {}
            }
        }
        if done.len() < batch.len() {
            return Err(record::strange("a commit"));
        }
        Ok(Commit::Done(done))
    }

    async fn write(&self, batch: &[Mutation<'_>]) -> Vec<Result<Commit>> {
        let batch = Batch::of(batch, MAX_VALUE);
        let mut answers = Vec::with_capacity(batch.steps.len());
        for steps in batch.requests(MAX_BATCH, MAX_BYTES) {
            for steps in steps.chunk_by(|a, b| a.key.namespace() == b.key.namespace()) {
                answers.extend(self.each(steps).await);
            }
        }
        batch.results(answers)
    }

    async fn scan(&self, query: &Scan<'_>) -> Result<Page> {
        let [from, to] = record::range(query.prefix, query.after, query.reverse);
        let limit = query.limit.clamp(1, MAX_READ);
        let pattern = query.pattern.and_then(crate::pattern::Pattern::posix);
        let parameters = [
            query.namespace.as_str(),
            &from,
            &to,
            &limit.to_string(),
            pattern.as_deref().unwrap_or_default(),
            match query.want {
                Want::Keys => "keys",
                Want::Records => "records",
            },
            &MAX_BYTES.to_string(),
        ];
        let text = match query.reverse {
            false => &self.statements.scan,
            true => &self.statements.scan_back,
        };
        let rows = self.run(text, &parameters, true).await?;
        record::page(&rows, query, limit)
    }

    async fn namespaces(&self) -> Result<Vec<Namespace>> {
        let answer = self
            .sql
            .query(&self.statements.namespaces, &[], true)
            .await?;
        match answer {
            Answer::Rows(rows) => rows
                .iter()
                .map(|row| Namespace::new(record::text(row, 0)?))
                .collect(),
            Answer::Refused(refusal) => Err(refusal.into_error(true)),
        }
    }

    async fn sweep(&self, namespace: &Namespace, before: u64) -> Result<Option<u64>> {
        let (before, most) = (before.to_string(), MAX_SWEPT.to_string());
        let parameters = [namespace.as_str(), &before, &most];
        let mut count = 0;
        loop {
            let rows = self.run(&self.statements.sweep, &parameters, false).await?;
            let [row] = &rows[..] else {
                return Err(record::strange("a clean-up"));
            };
            count += record::number(row, 2)?;
            if record::number(row, 1)? < MAX_SWEPT {
                return Ok(Some(count));
            }
        }
    }
}
