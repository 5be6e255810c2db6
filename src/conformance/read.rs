//! Reading what was written.

use super::{
    bench::{Bench, Found, ensure, same_list},
    samples::KEYS,
};
use crate::{
    backend::{Backend, Freshness},
    key::Key,
    value::Value,
};

pub(super) async fn absent<B: Backend>(t: &Bench<B>) -> Found {
    t.lacks("a").await?;
    let none = t.backend().read(&[], Freshness::Cached).await?;
    ensure!(none.is_empty(), "a read of no keys answered {}", none.len());
    t.put("a.b", &t.record(1)).await?;
    t.lacks("a").await?;
    t.lacks("a.b.c").await?;
    t.lacks("a.bb").await
}

pub(super) async fn what_was_written<B: Backend>(t: &Bench<B>) -> Found {
    for key in ["a", "a.b", "c"] {
        for value in [1, 2, 3] {
            let record = t.record(value);
            t.put(key, &record).await?;
            t.holds(key, &record).await?;
        }
    }
    for key in ["a", "a.b", "c"] {
        t.holds(key, &t.record(3)).await?;
    }
    Ok(())
}

pub(super) async fn many_in_the_order_asked<B: Backend>(t: &Bench<B>) -> Found {
    t.fill(&["a", "b", "c", "d"]).await?;
    let asked = ["d", "zz", "a", "c", "a", "b", "yy"];
    let mut keys = Vec::new();
    for key in asked {
        keys.push(Key::new(&t.space, key)?);
    }
    for fresh in [Freshness::Latest, Freshness::Cached] {
        let found = t.backend().read(&keys, fresh).await?;
        let found: Vec<Option<Value>> = found
            .into_iter()
            .map(|s| s.map(|s| s.record.value))
            .collect();
        let wanted: Vec<Option<Value>> = asked
            .iter()
            .map(|key| (key.len() == 1).then(|| (*key).into()))
            .collect();
        same_list("the records read", &found, &wanted)?;
    }
    Ok(())
}

pub(super) async fn every_allowed_key_is_its_own<B: Backend>(t: &Bench<B>) -> Found {
    let longest = t.backend().limits().max_key.min(crate::key::MAX_KEY_BYTES);
    let mut keys: Vec<String> = KEYS.iter().map(|key| (*key).to_owned()).collect();
    for end in ["a", "b", "B"] {
        keys.push("k".repeat(longest - 1) + end);
        keys.push("k".repeat(longest - 2) + end);
        keys.push("k".repeat(longest / 2) + end);
    }
    keys.push("é".repeat(longest / 2));
    keys.push("k".repeat(longest - 2) + "é");
    keys.retain(|key| key.len() <= longest);
    t.fill(&keys).await?;
    for key in &keys {
        t.holds(key, &t.record(key.as_str())).await?;
    }
    keys.sort();
    same_list("the keys", &t.keys(t.all()).await?, &keys)
}
