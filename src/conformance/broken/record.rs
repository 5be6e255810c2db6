//! What a defect makes of keys, records and versions.

use super::{Broken, Defect};
use crate::{
    backend::Backend,
    error::Result,
    key::Namespace,
    record::{Record, Stored, Version},
    value::{Object, Value},
};
use std::{collections::BTreeMap, num::NonZeroU64};

impl<B: Backend> Broken<B> {
    /// The key that the defect makes of one.
    pub(super) fn place(&self, space: &Namespace, key: &str) -> Result<(Namespace, String)> {
        let (mut name, mut key) = (space.as_str().to_owned(), key.to_owned());
        match self.defect {
            Defect::TruncatesKeys => {
                let mut end = key.len().min(255);
                while !key.is_char_boundary(end) {
                    end -= 1;
                }
                key.truncate(end);
            }
            Defect::FoldsKeys => key = key.to_lowercase(),
            Defect::TrimsKeys if key.len() > 1 => key = key.trim_end().to_owned(),
            Defect::FoldsNamespaces => name = name.to_lowercase(),
            Defect::JoinsNamespaces => {
                let joined = format!("{name}:{key}");
                let (one, other) = joined.split_once(':').unwrap_or_default();
                (name, key) = (one.to_owned(), other.to_owned());
            }
            _ => {}
        }
        Ok((Namespace::new(&name)?, key))
    }

    /// The record that the defect makes of one.
    fn spoil(&self, mut record: Record) -> Record {
        let seconds = |at: u64| at / 1000 * 1000;
        match self.defect {
            Defect::DropsMetadata => record.metadata = None,
            Defect::SortsMetadata => {
                if let Some(fields) = &mut record.metadata {
                    let sorted: BTreeMap<String, Value> = fields
                        .iter()
                        .map(|(n, v)| (n.to_owned(), v.clone()))
                        .collect();
                    **fields = sorted.into_iter().collect::<Object>();
                }
            }
            Defect::RoundsTimes => {
                record.created_at = seconds(record.created_at);
                record.updated_at = seconds(record.updated_at);
                record.expires_at = record
                    .expires_at
                    .and_then(|at| NonZeroU64::new(seconds(at.get())));
            }
            Defect::ForgetsCreation => record.created_at = record.updated_at,
            Defect::ForgetsWriteIds => record.writes.clear(),
            _ => record.value = self.spoil_value(record.value),
        }
        record
    }

    fn spoil_value(&self, value: Value) -> Value {
        match (self.defect, value) {
            (Defect::FloatsIntegers, Value::Int(n)) => Value::Float(n as f64),
            (Defect::RoundsWholeDoubles, Value::Float(n))
                if n.trunc() == n && n.abs() < 1e15 && !(n == 0.0 && n.is_sign_negative()) =>
            {
                Value::Int(n as i64)
            }
            (Defect::LosesNegativeZero, Value::Float(0.0)) => Value::Float(0.0),
            (Defect::BytesAsText, Value::Bytes(bytes)) => {
                Value::Text(String::from_utf8_lossy(&bytes).into())
            }
            (Defect::CutsTextAtNul, Value::Text(text)) => {
                Value::Text(text.split('\0').next().unwrap_or_default().into())
            }
            (Defect::CutsLongText, Value::Text(text)) if text.len() > 65_536 => {
                Value::Text(text.chars().take(10_000).collect::<String>().into())
            }
            (_, Value::Array(items)) => Value::Array(Box::new(
                items
                    .into_iter()
                    .map(|item| self.spoil_value(item))
                    .collect(),
            )),
            (_, Value::Object(fields)) => {
                let fields = fields.iter().map(|(n, v)| (n, self.spoil_value(v.clone())));
                fields.collect::<Object>().into()
            }
            (_, value) => value,
        }
    }

    /// The version that the defect shows.
    pub(super) fn shown(
        &self,
        space: &Namespace,
        key: &str,
        record: &Record,
        version: &Version,
    ) -> Version {
        match self.defect {
            Defect::VersionsByContent => {
                let bytes = record.encode().unwrap_or_default();
                let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                    (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
                });
                Version::Number(hash)
            }
            Defect::VersionsPerKey => self.state.with(|state| {
                let numbers = &mut state.numbers;
                let entry = numbers
                    .entry((space.clone(), key.to_owned()))
                    .or_insert_with(|| (1, version.clone()));
                if entry.1 != *version {
                    *entry = (entry.0 + 1, version.clone());
                }
                Version::Number(entry.0)
            }),
            _ => version.clone(),
        }
    }

    pub(super) fn show(&self, space: &Namespace, key: &str, stored: Stored) -> Stored {
        let version = self.shown(space, key, &stored.record, &stored.version);
        Stored {
            record: self.spoil(stored.record),
            version,
        }
    }
}
