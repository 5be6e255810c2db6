//! Random steps, against a map.

mod steps;

use super::*;
use proptest::{collection::vec, option, prelude::*};
use std::collections::BTreeMap;
use steps::{Condition, Step, keys, steps};

#[derive(Default)]
struct Model {
    entries: BTreeMap<(usize, String), (i64, Version, Option<u64>)>,
    max: usize,
    /// What a host would keep under each id.
    names: HashMap<u32, (usize, String)>,
}

impl Model {
    /// Makes room for `more` entries, as the store must; or is it full?
    fn room(&mut self, more: usize, now: u64) -> bool {
        if more > 0 && self.entries.len() + more > self.max {
            self.entries
                .retain(|_, (_, _, expires)| expires.is_none_or(|at| at > now));
        }
        more == 0 || self.entries.len() + more <= self.max
    }

    fn put(
        &mut self,
        at: &(usize, String),
        value: i64,
        expires: Option<u64>,
        result: Result<Version>,
        now: u64,
    ) {
        let more = usize::from(!self.entries.contains_key(at));
        if self.room(more, now) {
            let version = result.expect("room");
            assert!(self.entries.values().all(|(_, old, _)| *old != version));
            self.entries.insert(at.clone(), (value, version, expires));
        } else {
            assert_eq!(result.map_err(|e| e.kind()), Err(ErrorKind::QuotaExceeded));
        }
    }
}

fn run(steps: Vec<Step>, max_entries: Option<usize>) {
    let (memory, clock) = memory(max_entries);
    let spaces = [Namespace::default(), Namespace::new("other").unwrap()];
    let mut model = Model {
        max: max_entries.unwrap_or(usize::MAX),
        ..Model::default()
    };
    for (at, step) in steps.into_iter().enumerate() {
        let value = at as i64;
        let time = clock.now();
        match step {
            Step::Put(space, text, expires) => {
                let record = Record {
                    expires_at: expires.and_then(NonZeroU64::new),
                    ..record(value)
                };
                let result = now(memory.put(&*clock, key(&spaces[space], &text), record));
                model.put(&(space, text), value, expires, result, time);
            }
            Step::PutMany(space, texts) => {
                let entries = texts
                    .iter()
                    .map(|text| (key(&spaces[space], text), record(value)));
                let results = now(memory.put_many(&*clock, entries));
                for (text, result) in texts.into_iter().zip(results) {
                    model.put(&(space, text), value, None, result, time);
                }
            }
            Step::Delete(space, text) => {
                let delete = Mutation {
                    key: key(&spaces[space], &text),
                    expect: Expect::Any,
                    change: Change::Delete,
                };
                let was = match model.entries.remove(&(space, text.clone())) {
                    Some((_, _, expires)) => Was::Stored(expires.and_then(NonZeroU64::new)),
                    None => Was::Absent,
                };
                let results = now(memory.write(&[delete]));
                assert_eq!(results, [Ok(Commit::Done(vec![Applied::Deleted(was)]))]);
            }
            Step::Commit(space, texts, condition) => {
                let [put, delete, absent] = texts.each_ref().map(|text| (space, text.clone()));
                if put == delete || delete == absent || put == absent {
                    continue;
                }
                let written = record(value);
                let version = match (model.entries.get(&put), condition) {
                    (Some((_, version, _)), Condition::Current) => version.clone(),
                    _ => Version::Number(u64::MAX),
                };
                let batch = [
                    Mutation {
                        key: key(&spaces[space], &put.1),
                        expect: match condition {
                            Condition::Any => Expect::Any,
                            Condition::Absent => Expect::Absent,
                            Condition::Current | Condition::Wrong => Expect::At(&version),
                        },
                        change: Change::Put(&written),
                    },
                    Mutation {
                        key: key(&spaces[space], &delete.1),
                        expect: Expect::Any,
                        change: Change::Delete,
                    },
                    Mutation {
                        key: key(&spaces[space], &absent.1),
                        expect: Expect::Absent,
                        change: Change::Keep,
                    },
                ];
                let result = now(memory.commit(&batch));
                // What holds, now or after the expired entries went to make room.
                let verdict = |model: &Model| {
                    let first = match condition {
                        Condition::Any => true,
                        Condition::Absent => !model.entries.contains_key(&put),
                        Condition::Current | Condition::Wrong => {
                            model.entries.get(&put).is_some_and(|e| e.1 == version)
                        }
                    };
                    match (first, model.entries.contains_key(&absent)) {
                        (false, _) => Some(0),
                        (_, true) => Some(2),
                        _ => None,
                    }
                };
                let mut conflict = verdict(&model);
                let mut fits = true;
                if conflict.is_none() {
                    let growth = |model: &Model| {
                        usize::from(!model.entries.contains_key(&put))
                            .saturating_sub(usize::from(model.entries.contains_key(&delete)))
                    };
                    let more = growth(&model);
                    if !model.room(more, time) {
                        fits = model.entries.len() + growth(&model) <= model.max;
                    }
                    conflict = verdict(&model);
                }
                match (conflict, fits) {
                    (Some(index), _) => assert_eq!(result, Ok(Commit::Conflict { index })),
                    (None, false) => {
                        assert_eq!(result.map_err(|e| e.kind()), Err(ErrorKind::QuotaExceeded))
                    }
                    (None, true) => {
                        let Ok(Commit::Done(applied)) = result else {
                            panic!("{result:?}")
                        };
                        let [
                            Applied::Written(version),
                            Applied::Deleted(_),
                            Applied::Checked,
                        ] = &applied[..]
                        else {
                            panic!("{applied:?}")
                        };
                        model.entries.insert(put, (value, version.clone(), None));
                        model.entries.remove(&delete);
                    }
                }
            }
            Step::Update(space, text, decision) => {
                let place = (space, text);
                let before = model.entries.get(&place).cloned();
                let result = now(
                    memory.update(&*clock, key(&spaces[space], &place.1), |stored| {
                        assert_eq!(
                            stored.map(|s| s.version.to_version()),
                            before.as_ref().map(|b| b.1.clone())
                        );
                        match decision {
                            0 => Ok(Decision::Put(record(value))),
                            1 => Ok(Decision::Delete),
                            _ => Ok(Decision::Keep),
                        }
                    }),
                );
                match decision {
                    0 => model.put(
                        &place,
                        value,
                        None,
                        result.map(|v| v.expect("written")),
                        time,
                    ),
                    1 => {
                        assert_eq!(result, Ok(None));
                        model.entries.remove(&place);
                    }
                    _ => assert_eq!(result, Ok(None)),
                }
            }
            Step::Tick(by) => drop(clock.0.fetch_add(by, Ordering::Relaxed)),
            Step::Sweep(space) => {
                let was = model.entries.len();
                model.entries.retain(|(s, _), (_, _, expires)| {
                    *s != space || expires.is_none_or(|at| at > time)
                });
                assert_eq!(
                    memory.sweep(&spaces[space], time),
                    (was - model.entries.len()) as u64
                );
            }
            Step::Walk {
                space,
                pattern,
                prefix,
                after,
                reverse,
                limit,
                ids,
            } => {
                let pattern = pattern.map(|text| Pattern::parse(&text).unwrap());
                let mut expected: Vec<&str> = model
                    .entries
                    .keys()
                    .filter(|(s, text)| {
                        *s == space
                            && text.starts_with(&prefix)
                            && pattern.as_ref().is_none_or(|p| p.matches(text))
                            && after.as_ref().is_none_or(|after| {
                                if reverse { text < after } else { text > after }
                            })
                    })
                    .map(|(_, text)| &**text)
                    .collect();
                if reverse {
                    expected.reverse();
                }
                let mut found = Vec::new();
                let mut after = after;
                loop {
                    let query = Scan {
                        prefix: &prefix,
                        after: after.as_deref(),
                        limit,
                        reverse,
                        ids,
                        want: Want::Records,
                        ..scan(&spaces[space], pattern.as_ref())
                    };
                    let before = found.len();
                    let resume = now(memory.walk(&query, |item| {
                        let place = (space, item.key.to_owned());
                        let (value, version, expires) = &model.entries[&place];
                        let stored = item.stored.unwrap();
                        assert!(
                            stored.value.same(&Value::Int(*value)) && stored.version == *version
                        );
                        assert_eq!(item.expires_at.map(NonZeroU64::get), *expires);
                        // As the store does: it passes expired keys over.
                        if ids && expires.is_none_or(|at| at > time) {
                            let id = item.id.unwrap();
                            if item.first {
                                model.names.insert(id, place);
                            } else {
                                assert_eq!(model.names[&id], place);
                            }
                        }
                        found.push(item.key.to_owned());
                        ControlFlow::Continue(())
                    }))
                    .unwrap();
                    match resume {
                        None => {
                            // Without a pattern it is known whether more follows.
                            assert!(pattern.is_some() || before == 0 || found.len() > before);
                            break;
                        }
                        Some(key) => {
                            assert_eq!(found.len() - before, limit);
                            assert_eq!(found.last().map(|k| &**k), Some(&*key));
                            after = Some(key.into());
                        }
                    }
                }
                assert_eq!(found, expected);
            }
        }
    }
    for space in [0, 1] {
        let page = now(memory.scan(&scan(&spaces[space], None))).unwrap();
        let found: Vec<&str> = page.items.iter().map(|item| &*item.key).collect();
        let expected: Vec<&str> = model
            .entries
            .keys()
            .filter(|(s, _)| *s == space)
            .map(|(_, text)| &**text)
            .collect();
        assert_eq!(found, expected);
        assert_eq!(
            now(memory.namespaces()).unwrap().contains(&spaces[space]),
            !expected.is_empty()
        );
        let asked: Vec<Key<'_>> = expected
            .iter()
            .map(|text| key(&spaces[space], text))
            .collect();
        let read = now(memory.read(&asked, Freshness::Latest)).unwrap();
        for (text, stored) in expected.iter().zip(read) {
            assert_eq!(
                stored.unwrap().version,
                model.entries[&(space, (*text).to_owned())].1
            );
        }
    }
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        max_shrink_iters: 20_000,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(cases(300))]
    #[test]
    fn agrees_with_a_model(steps in vec(steps(), 1..120), max in option::weighted(0.3, 1..30_usize)) {
        run(steps, max);
    }
}

proptest! {
    #![proptest_config(cases(100))]
    /// With enough keys and scans at first that there are postings, and changes are few.
    #[test]
    fn agrees_with_a_model_when_there_is_much(
        filled in vec(vec(keys(), 60), 10),
        steps in vec(steps(), 1..120),
    ) {
        let fill = filled.into_iter().map(|keys| Step::PutMany(0, keys));
        let look = Step::Walk {
            space: 0,
            pattern: Some("**.abcdefgh".into()),
            prefix: String::new(),
            after: None,
            reverse: false,
            limit: 1000,
            ids: true,
        };
        let few = steps.into_iter().filter(|step| !matches!(step, Step::PutMany(..)));
        run(fill.chain(std::iter::repeat_n(look, 3)).chain(few).collect(), None);
    }
}
