//! Changes of several keys, and by several workers.

use super::{entry, has, has_not};
use crate::{
    backend::Backend,
    conformance::{
        bench::{Bench, Fault, Found, ensure, refused},
        contend::{Work, contend},
    },
    error::ErrorKind,
    store::{AtomicOutcome, Check},
};

pub(in crate::conformance) async fn atomic<B: Backend>(t: &Bench<B>) -> Found {
    let max = t.backend().limits().max_batch;
    let one = t.store.atomic().check("a", Check::Absent).set("a", 1);
    let AtomicOutcome::Done(versions) = one.commit().await? else {
        return Err(Fault("an atomic change of one key lost".into()));
    };
    let version = entry(t, "a").await?.version;
    ensure!(
        versions == [Some(version.clone())],
        "atomic tells {versions:?}"
    );
    let again = t.store.atomic().check("a", Check::Absent).set("a", 2);
    ensure!(
        matches!(
            again.commit().await?,
            AtomicOutcome::Lost {
                index: 0,
                entry: Some(_)
            }
        ),
        "a check that fails did not"
    );
    let two = t.store.atomic().check("a", Check::Version(version.clone()));
    let two = two.set("b", 1).set("c", 2).delete("a").commit().await;
    if max < 3 {
        refused(
            "more than max_batch",
            two,
            &[ErrorKind::InvalidArgument, ErrorKind::Unsupported],
        )?;
        has(t, "a", 1).await?;
        return has_not(t, "b").await;
    }
    let AtomicOutcome::Done(versions) = two? else {
        return Err(Fault("an atomic change whose check holds lost".into()));
    };
    ensure!(
        versions.len() == 3 && versions.iter().map(Option::is_some).eq([true, true, false]),
        "atomic tells {versions:?}"
    );
    has_not(t, "a").await?;
    has(t, "b", 1).await?;
    has(t, "c", 2).await?;
    let lost = t
        .store
        .atomic()
        .check("c", Check::Version(version))
        .check("d", Check::Absent);
    let lost = lost.set("b", 9).delete("c").set("d", 9).commit().await?;
    ensure!(
        matches!(lost, AtomicOutcome::Lost { index: 0, .. }),
        "an old version won"
    );
    has(t, "b", 1).await?;
    has(t, "c", 2).await?;
    has_not(t, "d").await
}

pub(in crate::conformance) async fn interleaved_changes<B: Backend>(t: &Bench<B>) -> Found {
    for work in Work::ALL {
        if work == Work::Atomic && t.backend().limits().max_batch < 2 {
            continue;
        }
        let tally = contend(&t.store, work, 10, 20, 7).await.map_err(Fault)?;
        ensure!(
            tally.unknown == 0 && tally.done == 200,
            "200 of {work:?} by 10 workers: {tally:?}"
        );
    }
    Ok(())
}
