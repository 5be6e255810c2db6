//! Redis, over HTTP or over a client of the user's.
//!
//! | name in Redis | |
//! |---|---|
//! | `dkv:{n:<namespace>}:r:<key>` | a record: `<version>:<expires_at>:<envelope in base64>` |
//! | `dkv:{n:<namespace>}:i` | a sorted set of all keys, each with score 0: their byte order |
//! | `dkv:{n:<namespace>}:v` | the counter that versions come from |
//! | `dkv:namespaces` | a set of the namespaces that were written to |
//!
//! What is in braces is the hash tag: all keys of a namespace are in one slot of a cluster, so that a
//! script may change several. `%` and `}` in a namespace are written `%25` and `%7D`.
//!
//! A commit is one script (`commit.lua`), whatever it checks and changes; a batch is one too. A page of a
//! scan is another (`scan.lua`), which never blocks the server as `KEYS` would. The engine's own expiry
//! only removes garbage: it comes [`CLOCK_SKEW`] after the entry's.
//!
//! [`Commands`] is how commands get there: [`Upstash`] and [`Webdis`] over HTTP, or an object of the
//! user's.

mod commands;
mod names;
mod record;
mod script;
mod upstash;
mod webdis;

pub use commands::{Commands, Reply};
pub use upstash::Upstash;
pub use webdis::Webdis;

use super::{
    Applied, Backend, CLOCK_SKEW, Commit, Expect, Freshness, Limits, Mutation, Page, Scan, Want,
    Was,
    wire::{Action, Batch, Step},
};
use crate::{
    error::{Error, ErrorKind, Result},
    host::Host,
    http::ServerClock,
    key::{Key, Namespace},
    maybe_send::Lock,
    record::{Stored, Version},
};
use names::Names;
use script::Script;
use std::{collections::HashSet, num::NonZeroU64, sync::Arc};

/// How many mutations one script gets: it blocks the server while it runs.
const MAX_BATCH: usize = 1_000;
/// How many records one `MGET` asks for.
const MAX_READ: usize = 1_000;
/// How many keys one page of a scan looks at.
const MAX_PAGE: usize = 1_000;
/// Redis's own limit is 512 MiB; whoever stands before it often takes far less in one request.
const MAX_VALUE: usize = 16 << 20;
/// A batch is split into requests of about so many bytes.
const MAX_BYTES: usize = 4 << 20;

static COMMIT: Script = Script::new(include_str!("commit.lua"));
static SCAN: Script = Script::new(include_str!("scan.lua"));

/// A backend in Redis 6 or later, or what speaks like it.
pub struct Redis<C> {
    commands: C,
    clock: Arc<ServerClock>,
    /// The namespaces that this process has written into the set of all.
    known: Lock<HashSet<Namespace>>,
}

impl<C: Commands> Redis<C> {
    /// Over `commands`; `clock` is the host of the store too.
    ///
    /// # Errors
    /// What the server says to the first command: `access-denied`, `unavailable` and the like.
    pub async fn open(commands: C, clock: Arc<ServerClock>) -> Result<Redis<C>> {
        let redis = Redis {
            commands,
            clock,
            known: Lock::default(),
        };
        let sent = redis.clock.uncorrected();
        let reply = redis.commands.call(&["TIME"], true).await?.or_error()?;
        redis.learn(sent, record::time(&reply)?);
        Ok(redis)
    }

    /// The server's time comes in whole milliseconds.
    fn learn(&self, sent: u64, shown: u64) {
        let received = self.clock.uncorrected();
        self.clock.learn(sent, received, shown, 1);
    }

    /// Runs a script whose answer begins with the server's time; without it.
    async fn run(
        &self,
        script: &Script,
        keys: &[&str],
        arguments: &[&str],
        repeatable: bool,
    ) -> Result<Vec<Reply>> {
        let sent = self.clock.uncorrected();
        let reply = script
            .run(&self.commands, keys, arguments, repeatable)
            .await?;
        let Reply::Many(mut items) = reply else {
            return Err(record::strange("a script"));
        };
        if items.is_empty() {
            return Err(record::strange("a script"));
        }
        self.learn(sent, record::number(&items.remove(0))?);
        Ok(items)
    }

    /// Writes a namespace into the set of all, once a process: its slot is another one, so that no
    /// script could do it beside a commit.
    async fn register(&self, namespace: &Namespace) -> Result<()> {
        if self.known.with(|known| known.contains(namespace)) {
            return Ok(());
        }
        let command = ["SADD", names::NAMESPACES, namespace.as_str()];
        self.commands.call(&command, true).await?.or_error()?;
        self.known.with(|known| known.insert(namespace.clone()));
        Ok(())
    }

    /// One script over mutations of one namespace.
    async fn change(&self, batch: &[Step<'_>], all: bool) -> Result<Vec<Reply>> {
        let Some(first) = batch.first() else {
            return Ok(Vec::new());
        };
        if batch.iter().any(|s| matches!(s.action, Action::Put(_))) {
            // Nothing is written before it is registered; a lost answer is asked again.
            self.register(first.key.namespace()).await?;
        }
        let names = Names::of(first.key.namespace());
        let now = self.clock.now();
        let mut keys = vec![names.index(), names.counter()];
        let mut texts = Vec::with_capacity(batch.len());
        for step in batch {
            keys.push(names.record(step.key.as_str()));
            let expected = match step.expect {
                Expect::At(version) => version.to_string(),
                Expect::Any => "*".to_owned(),
                Expect::Absent => "-".to_owned(),
            };
            let drop_after = step
                .expires_at
                .map_or(0, |at| at.get().saturating_sub(now) + CLOCK_SKEW);
            let stored = match &step.action {
                Action::Put(envelope) => record::write(envelope, step.expires_at),
                // What is not read; some ways to Redis take no empty argument.
                Action::Delete | Action::Keep => "-".to_owned(),
            };
            texts.push((expected, stored, drop_after.to_string()));
        }
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let mut arguments = Vec::with_capacity(1 + 5 * batch.len());
        arguments.push(if all { "all" } else { "each" });
        for (step, (expected, stored, drop_after)) in batch.iter().zip(&texts) {
            let action = match &step.action {
                Action::Put(_) => "put",
                Action::Delete => "delete",
                Action::Keep => "keep",
            };
            arguments.extend([step.key.as_str(), expected, action, stored, drop_after]);
        }
        self.run(&COMMIT, &keys, &arguments, false).await
    }
}

/// What the script says about one mutation.
fn fate(reply: &Reply) -> Result<Commit> {
    let text = reply.text()?;
    let applied = match text.split_at_checked(1) {
        Some(("w", version)) => Applied::Written(Version::parse(version)),
        Some(("d", "")) => Applied::Deleted(Was::Absent),
        Some(("d", expires)) => {
            let at: u64 = expires.parse().map_err(|_| record::strange("a commit"))?;
            Applied::Deleted(Was::Stored(NonZeroU64::new(at)))
        }
        Some(("k", "")) => Applied::Checked,
        // Alone it has no index.
        Some(("c", index)) => {
            let index = index.parse().unwrap_or_default();
            return Ok(Commit::Conflict { index });
        }
        Some(("x", _)) => return Err(record::foreign()),
        _ => return Err(record::strange("a commit")),
    };
    Ok(Commit::Done(vec![applied]))
}

impl<C: Commands> Backend for Redis<C> {
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
        let mut found = Vec::with_capacity(keys.len());
        let mut rest = keys;
        while let Some(first) = rest.first() {
            // One command is about one slot.
            let same = |key: &&Key<'_>| key.namespace() == first.namespace();
            let (chunk, others) =
                rest.split_at(rest.iter().take(MAX_READ).take_while(same).count());
            rest = others;
            let names = Names::of(first.namespace());
            let names: Vec<String> = chunk.iter().map(|key| names.record(key.as_str())).collect();
            let command: Vec<&str> = std::iter::once("MGET")
                .chain(names.iter().map(String::as_str))
                .collect();
            let reply = self.commands.call(&command, true).await?.or_error()?;
            let Reply::Many(items) = reply else {
                return Err(record::strange("MGET"));
            };
            if items.len() != chunk.len() {
                return Err(record::strange("MGET"));
            }
            for (item, key) in items.iter().zip(chunk) {
                found.push(match item {
                    Reply::Nil => None,
                    item => Some(record::read(item.text()?).map_err(|e| e.with_key(key.as_str()))?),
                });
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
        let steps: Result<Vec<Step<'_>>> = batch.iter().map(|m| Step::of(m, MAX_VALUE)).collect();
        let answer = self.change(&steps?, true).await?;
        let mut done = Vec::with_capacity(batch.len());
        for reply in &answer {
            match fate(reply)? {
                Commit::Done(applied) => done.extend(applied),
                conflict => return Ok(conflict),
            }
        }
        Ok(Commit::Done(done))
    }

    async fn write(&self, batch: &[Mutation<'_>]) -> Vec<Result<Commit>> {
        let batch = Batch::of(batch, MAX_VALUE);
        let mut answers = Vec::with_capacity(batch.steps.len());
        for steps in batch.requests(MAX_BATCH, MAX_BYTES) {
            match self.change(steps, false).await {
                Ok(answer) if answer.len() == steps.len() => {
                    answers.extend(answer.iter().map(fate));
                }
                Ok(_) => answers.extend(steps.iter().map(|_| Err(record::strange("a batch")))),
                Err(error) => answers.extend(steps.iter().map(|_| Err(error.clone()))),
            }
        }
        batch.results(answers)
    }

    async fn scan(&self, query: &Scan<'_>) -> Result<Page> {
        let names = Names::of(query.namespace);
        let (from, to) = record::range(query.prefix, query.after, query.reverse);
        let limit = query.limit.clamp(1, MAX_PAGE).to_string();
        let arguments = [
            from.as_str(),
            &to,
            if query.reverse { "down" } else { "up" },
            &limit,
            match query.want {
                Want::Keys => "keys",
                Want::Records => "records",
            },
            &names.record(""),
        ];
        // What it removes from the index is gone already: it may run twice.
        let answer = self.run(&SCAN, &[&names.index()], &arguments, true).await?;
        record::page(&answer, query)
    }

    async fn namespaces(&self) -> Result<Vec<Namespace>> {
        let command = ["SMEMBERS", names::NAMESPACES];
        let reply = self.commands.call(&command, true).await?.or_error()?;
        let Reply::Many(items) = reply else {
            return Err(record::strange("SMEMBERS"));
        };
        items
            .iter()
            .map(|item| Namespace::new(item.text()?))
            .collect()
    }
}
