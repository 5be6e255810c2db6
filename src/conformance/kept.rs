//! A record comes back exactly as it was.

use super::{
    bench::{Bench, Found},
    samples::values as every_value,
};
use crate::{
    backend::{Backend, Want},
    record::{Metadata, REMEMBERED_WRITES},
    value::Value,
};
use std::num::NonZeroU64;

pub(super) async fn values<B: Backend>(t: &Bench<B>) -> Found {
    let all = every_value();
    for (at, value) in all.iter().enumerate() {
        t.put(&format!("v.{at:03}"), &t.record(value.clone()))
            .await?;
    }
    for (at, value) in all.iter().enumerate() {
        t.holds(&format!("v.{at:03}"), &t.record(value.clone()))
            .await?;
    }
    let scan = crate::backend::Scan {
        want: Want::Records,
        ..t.all()
    };
    for (item, value) in t.scan(scan).await?.iter().zip(&all) {
        if let Some(stored) = &item.stored {
            super::bench::same(&item.key, &stored.record, &t.record(value.clone()))?;
        }
    }
    Ok(())
}

pub(super) async fn metadata<B: Backend>(t: &Bench<B>) -> Found {
    let mut record = t.record(1);
    record.metadata = Some(Box::new(
        [
            ("zz", Value::from(1)),
            ("a", 1.0.into()),
            ("version", "mine".into()),
            ("expires_at", Value::Null),
            ("", true.into()),
            ("é.x", vec![1.into(), Value::from(Metadata::new())].into()),
            ("$", "x".into()),
        ]
        .into_iter()
        .collect::<Metadata>(),
    ));
    t.put("a", &record).await?;
    t.holds("a", &record).await?;
    record.metadata = None;
    t.put("a", &record).await?;
    t.holds("a", &record).await
}

pub(super) async fn times<B: Backend>(t: &Bench<B>) -> Found {
    let now = t.host.now();
    let mut record = t.record(1);
    for (created, updated, expires) in [
        (now - 1_234_567, now + 1, now + 315_576_000_000),
        (1, 2, now + 100_001),
        (1_700_000_000_001, 1_700_000_000_999, now + 500_999),
    ] {
        record.created_at = created;
        record.updated_at = updated;
        record.expires_at = NonZeroU64::new(expires);
        t.put("a", &record).await?;
        t.holds("a", &record).await?;
    }
    record.expires_at = None;
    t.put("a", &record).await?;
    t.holds("a", &record).await
}

pub(super) async fn write_ids<B: Backend>(t: &Bench<B>) -> Found {
    let mut record = t.record(1);
    record.writes = (1..REMEMBERED_WRITES as u64)
        .map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15))
        .chain([u64::MAX])
        .collect();
    t.put("a", &record).await?;
    t.holds("a", &record).await?;
    record.writes = vec![0];
    t.put("a", &record).await?;
    t.holds("a", &record).await
}

pub(super) async fn long_and_many<B: Backend>(t: &Bench<B>) -> Found {
    let largest = t.backend().limits().max_value;
    let size = (largest / 2).min(1_000_000);
    let text = t.record("é".repeat(size / 2));
    let bytes = t.record((0..size).map(|i| i as u8).collect::<Vec<u8>>());
    let list = t.record((0..size as i64 / 20).map(Value::from).collect::<Vec<_>>());
    for (key, record) in [("text", &text), ("bytes", &bytes), ("list", &list)] {
        t.put(key, record).await?;
        t.holds(key, record).await?;
    }
    Ok(())
}
