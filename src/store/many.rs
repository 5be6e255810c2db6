//! Operations on many keys, in the fewest round trips that the backend allows.

use super::{Ops, SetOptions, Store, Ttl, point};
use crate::{
    backend::{Backend, Change, Expect, Freshness, Mutation, update::wrong_count},
    error::{Error, ErrorKind, Result},
    key::Key,
    maybe_send::{MaybeSend, MaybeSync},
    record::{Record, StoredRef, Version},
    sorted::order_of,
    value::Value,
};

impl<B: Backend> Store<B> {
    /// The values under `keys`, in their order, repeats included.
    ///
    /// # Errors
    /// `invalid-key`, `closed`, and what the backend says.
    pub async fn get_many<S: AsRef<str> + MaybeSend + MaybeSync>(
        &self,
        keys: &[S],
    ) -> Result<Vec<Option<Value>>> {
        let mut values = Vec::with_capacity(keys.len());
        wait!(self.view_many(keys, |_, stored| {
            values.push(stored.map(|s| s.value.clone()))
        }))?;
        Ok(values)
    }

    /// Lends the entry under each of `keys` to `f`, without a copy, in their order. `f` may run
    /// under the backend's lock and must not use the store.
    ///
    /// # Errors
    /// As [`get_many`](Store::get_many).
    pub async fn view_many<S: AsRef<str> + MaybeSend + MaybeSync>(
        &self,
        keys: &[S],
        mut f: impl FnMut(usize, Option<StoredRef<'_>>) + MaybeSend,
    ) -> Result<()> {
        let ops = self.ops();
        let keys = ops.keys_of(keys)?;
        let mut now = ops.now();
        wait!(
            self.shared
                .backend
                .visit(&keys, Freshness::Cached, |at, stored| {
                    f(at, now.live(stored))
                })
        )
    }

    /// Writes a new entry for each of `entries`, each for itself; of a repeated key the last one
    /// stays. All are checked before the first is written. One result for each, in their order.
    ///
    /// # Errors
    /// `invalid-key`, `invalid-argument` (a condition among the options: that is what
    /// [`atomic`](Store::atomic) is for), `closed`.
    pub async fn set_many<S, V>(
        &self,
        entries: impl IntoIterator<Item = (S, V, SetOptions)> + MaybeSend,
    ) -> Result<Vec<Result<Version>>>
    where
        S: AsRef<str> + MaybeSend + MaybeSync,
        V: Into<Value>,
    {
        let ops = self.ops();
        ops.check_open()?;
        let mut texts = Vec::new();
        let mut records = Vec::new();
        let mut now = ops.now();
        for (key, value, mut options) in entries {
            ops.key(key.as_ref())?;
            let record = options.check().and_then(|()| {
                if !options.is_blind() {
                    return Err(Error::new(
                        ErrorKind::InvalidArgument,
                        "many entries are written without conditions, and keep nothing of what is \
                         there: use set or atomic for that",
                    ));
                }
                point::new_record(value.into(), &options, now.get())
            });
            records.push(record.map_err(|e| e.with_key(key.as_ref()))?);
            texts.push(key);
        }
        let keys = ops.keys_of(&texts)?;
        let entries = keys.into_iter().zip(records).collect();
        Ok(wait!(ops.backend.dyn_put_many(ops.host(), entries)))
    }

    /// Writes an entry without metadata for each key, taking the values from `value(i)`: for
    /// bindings that hold the values on their side, and have checked them.
    ///
    /// # Errors
    /// As [`set_many`](Store::set_many).
    pub async fn put_values<S: AsRef<str> + MaybeSend + MaybeSync>(
        &self,
        keys: &[S],
        ttl: Option<Ttl>,
        mut value: impl FnMut(usize) -> Value + MaybeSend,
    ) -> Result<Vec<Result<Version>>> {
        let ops = self.ops();
        let keys = ops.keys_of(keys)?;
        let now = ops.now().get();
        let expires_at = ttl.map(|ttl| ttl.after(now));
        let entries = keys.into_iter().enumerate().map(|(at, key): (_, Key<'_>)| {
            let record = Record {
                value: value(at),
                created_at: now,
                updated_at: now,
                expires_at,
                ..Record::default()
            };
            (key, record)
        });
        Ok(wait!(self.shared.backend.put_many(ops.host(), entries)))
    }

    /// Removes the entries under `keys`, each for itself. One result for each different key, in
    /// the order in which they are first named: was there an entry?
    ///
    /// # Errors
    /// `invalid-key`, `closed`.
    pub async fn delete_each<S: AsRef<str> + MaybeSend + MaybeSync>(
        &self,
        keys: &[S],
    ) -> Result<Vec<(String, Result<bool>)>> {
        let ops = self.ops();
        wait!(ops.delete_each(ops.keys_of(keys)?))
    }

    /// Removes the entries under `keys`. How many there were.
    ///
    /// # Errors
    /// `invalid-key`, `closed`, and the first that the backend gives for a key; the other keys are
    /// deleted all the same ([`delete_each`](Store::delete_each) tells which).
    pub async fn delete_many<S: AsRef<str> + MaybeSend + MaybeSync>(
        &self,
        keys: &[S],
    ) -> Result<u64> {
        let mut count = 0;
        for (_, result) in wait!(self.delete_each(keys))? {
            count += u64::from(result?);
        }
        Ok(count)
    }
}

impl Ops<'_> {
    async fn delete_each(&self, keys: Vec<Key<'_>>) -> Result<Vec<(String, Result<bool>)>> {
        let batch: Vec<Mutation<'_>> = first_of_each(&keys)
            .into_iter()
            .zip(keys)
            .filter_map(|(first, key)| first.then_some(key))
            .map(|key| Mutation {
                key,
                expect: Expect::Any,
                change: Change::Delete,
            })
            .collect();
        let answers = wait!(self.backend.dyn_write(&batch));
        if answers.len() != batch.len() {
            return Err(wrong_count("write", batch.len(), answers.len()));
        }
        let mut now = self.now();
        Ok(batch
            .iter()
            .zip(answers)
            .map(|(mutation, answer)| {
                let key = mutation.key.as_str();
                let result = point::deleted(answer, &mut now).map_err(|e| e.with_key(key));
                (key.to_owned(), result)
            })
            .collect())
    }
}

/// For each key, whether no equal one comes before.
fn first_of_each(keys: &[Key<'_>]) -> Vec<bool> {
    let mut first = vec![true; keys.len()];
    for pair in order_of(keys).windows(2) {
        if let [later, earlier] = *pair
            && keys.get(later) == keys.get(earlier)
            && let Some(flag) = first.get_mut(later)
        {
            *flag = false;
        }
    }
    first
}
