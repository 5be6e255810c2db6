//! Random sequences of every operation, in several namespaces under a moving clock, against a model
//! of a hundred lines: a map, and a pattern matched against each key.

#[path = "store_model/change.rs"]
mod change;
#[path = "store_model/many.rs"]
mod many;
#[path = "store_model/model.rs"]
mod model;
#[path = "store_model/ops.rs"]
mod ops;
#[path = "store_model/pair.rs"]
mod pair;
#[path = "store_model/point.rs"]
mod point;

use dataknobs_kv::{
    backend::{Backend, memory::Memory},
    conformance::{Late, Minimal},
};
use ops::{Op, op};
use pair::{Pair, Step};
use proptest::prelude::*;

fn check<B: Backend>(make: impl Fn(Memory) -> B, ops: &[(usize, Op)]) -> Step {
    let mut pair = Pair::new(make);
    pollster::block_on(async {
        for (at, (space, op)) in ops.iter().enumerate() {
            pair.step(*space, op)
                .await
                .map_err(|e| TestCaseError::fail(format!("step {at}, {op:?} in {space}: {e}")))?;
            pair.compare()
                .await
                .map_err(|e| TestCaseError::fail(format!("after step {at}, {op:?}: {e}")))?;
        }
        Ok(())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, max_shrink_iters: 4000, ..ProptestConfig::default() })]

    #[test]
    fn memory(ops in prop::collection::vec(op(), 1..80)) {
        check(|memory| memory, &ops)?;
    }

    #[test]
    fn the_trait_alone(ops in prop::collection::vec(op(), 1..80)) {
        check(Minimal, &ops)?;
    }

    #[test]
    fn late(ops in prop::collection::vec(op(), 1..40)) {
        check(Late, &ops)?;
    }
}
