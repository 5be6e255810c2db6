//! A store over a file does what one over memory does, whenever it is closed, left, opened again, or
//! used by two.

#[path = "file/folder.rs"]
#[allow(dead_code)]
mod folder;

use dataknobs_kv::{
    Host, Object, Result, SetOptions, Store, Ttl, Value, Version,
    backend::{
        Backend,
        file::{Compression, Disk, File, FileOptions},
        memory::Memory,
    },
    conformance::ManualHost,
};
use folder::Folder;
use pollster::block_on;
use proptest::prelude::*;
use std::sync::Arc;

#[derive(Clone, Debug)]
enum Op {
    Set(u8, Value, Option<u16>, bool),
    Delete(u8),
    DeletePattern,
    Increment(u8, i64),
    Append(u8),
    Swap(u8, u8),
    Metadata(u8),
    Expire(u8, u16),
    Rename(u8, u8),
    Many(Vec<u8>),
    Atomic(u8, u8),
    Clear,
    Sweep,
    Advance(u16),
    /// Closed and opened again.
    Close(bool),
    /// Opened again, as after a crash.
    Leave,
    /// From now on by the other of two stores over the same file.
    Other,
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,6}".prop_map(Value::from),
        Just(Value::Null),
        any::<Vec<u8>>().prop_map(Value::from),
        any::<bool>().prop_map(|b| vec![b.into(), Value::Object(Box::default())].into()),
        Just(
            [("$", Value::from(1))]
                .into_iter()
                .collect::<Object>()
                .into()
        ),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let key = || 0..12_u8;
    prop_oneof![
        8 => (key(), value(), prop::option::of(1..5_000_u16), any::<bool>()).prop_map(|(k, v, t, m)| Op::Set(k, v, t, m)),
        3 => key().prop_map(Op::Delete),
        1 => Just(Op::DeletePattern),
        3 => (key(), any::<i64>()).prop_map(|(k, n)| Op::Increment(k, n)),
        2 => key().prop_map(Op::Append),
        2 => (key(), key()).prop_map(|(a, b)| Op::Swap(a, b)),
        2 => key().prop_map(Op::Metadata),
        2 => (key(), 1..5_000_u16).prop_map(|(k, t)| Op::Expire(k, t)),
        2 => (key(), key()).prop_map(|(a, b)| Op::Rename(a, b)),
        2 => prop::collection::vec(key(), 1..6).prop_map(Op::Many),
        2 => (key(), key()).prop_map(|(a, b)| Op::Atomic(a, b)),
        1 => Just(Op::Clear),
        1 => Just(Op::Sweep),
        3 => (1..4_000_u16).prop_map(Op::Advance),
        2 => any::<bool>().prop_map(Op::Close),
        2 => Just(Op::Leave),
        3 => Just(Op::Other),
    ]
}

/// What an operation answers, but for versions.
async fn apply<B: Backend>(store: &Store<B>, op: &Op) -> Result<String> {
    let key = |k: &u8| format!("users.{k}.näme");
    let ttl = |ms: &u16| Ttl::seconds(f64::from(*ms) / 1000.0);
    Ok(match op {
        Op::Set(k, v, t, m) => {
            let options = SetOptions {
                ttl: t.as_ref().map(ttl).transpose()?,
                metadata: m.then(|| [("k", Value::from(i64::from(*k)))].into_iter().collect()),
                ..SetOptions::default()
            };
            let done = store.set_with(&key(k), v.clone(), options).await?;
            format!("{}", done.is_done())
        }
        Op::Delete(k) => format!("{}", store.delete(&key(k)).await?),
        Op::DeletePattern => format!("{}", store.delete_pattern("users.1*.*").await?),
        Op::Increment(k, n) => format!("{:?}", store.increment(&key(k), *n).await?),
        Op::Append(k) => format!("{:?}", store.append(&key(k), "é").await?),
        Op::Swap(a, b) => {
            let old = store.get(&key(b)).await?;
            let done = store
                .compare_and_swap(&key(a), old.as_ref(), Some(7.into()))
                .await?;
            format!("{}", done.is_done())
        }
        Op::Metadata(k) => {
            let fields: Object = [("m", Value::from(1.5))].into_iter().collect();
            format!("{}", store.set_metadata(&key(k), fields).await?)
        }
        Op::Expire(k, t) => format!("{}", store.expire(&key(k), ttl(t)?).await?),
        Op::Rename(a, b) => format!("{}", store.rename(&key(a), &key(b)).await?),
        Op::Many(keys) => {
            let entries = keys
                .iter()
                .map(|k| (key(k), i64::from(*k), SetOptions::default()));
            let results = store.set_many(entries.collect::<Vec<_>>()).await?;
            format!("{}", results.len())
        }
        Op::Atomic(a, b) if a != b => {
            let batch = store.atomic().set(key(a), 1).delete(key(b));
            format!("{}", batch.commit().await.is_ok())
        }
        Op::Clear => format!("{}", store.clear().await?),
        Op::Sweep => format!("{}", store.cleanup_expired().await?),
        _ => String::new(),
    })
}

async fn everything<B: Backend>(store: &Store<B>, versions: bool) -> Vec<String> {
    let mut all = Vec::new();
    for key in store.keys("**").await.expect("keys") {
        let mut entry = store.get_entry(&key).await.expect("an entry");
        // A batch that names a key twice writes it once or twice: each backend its way.
        if let Some(entry) = entry.as_mut().filter(|_| !versions) {
            entry.version = Version::Number(0);
        }
        all.push(format!("{entry:?}"));
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn a_file_is_a_memory_that_stays(ops in prop::collection::vec(op(), 1..60)) {
        let clock = ManualHost::new(1_700_000_000_000);
        let host: Arc<dyn Host> = Arc::clone(&clock) as _;
        let folder = Folder::new();
        let path = folder.path("store.json");
        let open = |gzip: bool| {
            let options = FileOptions {
                compression: gzip.then_some(Compression::Gzip),
                ..FileOptions::default()
            };
            let file = File::open(&path, options, Disk, Arc::clone(&host)).expect("it opens");
            Store::new(file, Arc::clone(&host))
        };
        let memory = Memory::new(Default::default(), Arc::clone(&host));
        let model = Store::new(memory, Arc::clone(&host));
        let (mut store, mut other) = (open(false), open(false));
        for op in &ops {
            match op {
                Op::Advance(ms) => clock.advance(u64::from(*ms)),
                Op::Close(gzip) => {
                    block_on(store.close()).expect("it closes");
                    store = open(*gzip);
                }
                Op::Leave => store = open(false),
                Op::Other => std::mem::swap(&mut store, &mut other),
                _ => {}
            }
            let ours = block_on(apply(&store, op));
            let expected = block_on(apply(&model, op));
            prop_assert_eq!(
                ours.as_ref().map_err(dataknobs_kv::Error::message),
                expected.as_ref().map_err(dataknobs_kv::Error::message),
                "{:?}", op
            );
        }
        let expected = block_on(everything(&model, false));
        prop_assert_eq!(block_on(everything(&store, false)), expected);
        let whole = block_on(everything(&store, true));
        prop_assert_eq!(&block_on(everything(&other, true)), &whole);
        prop_assert_eq!(&block_on(everything(&open(false), true)), &whole);
    }
}
