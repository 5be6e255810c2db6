//! One small sort for everything that is not hot: each instance of the standard one is 4 to 9 KB
//! of wasm.

use std::cmp::Ordering;

/// The indexes below `len` in the order that `compare` says.
pub(crate) fn order(len: usize, compare: &mut dyn FnMut(usize, usize) -> Ordering) -> Vec<usize> {
    let mut order: Vec<usize> = (0..len).collect();
    let mut merged = Vec::with_capacity(len);
    let mut run = 1;
    while run < len {
        for pair in order.chunks(2 * run) {
            let (mut a, mut b) = pair.split_at(run.min(pair.len()));
            while let ([x, a_rest @ ..], [y, b_rest @ ..]) = (a, b) {
                if compare(*x, *y).is_gt() {
                    merged.push(*y);
                    b = b_rest;
                } else {
                    merged.push(*x);
                    a = a_rest;
                }
            }
            // One by one: for short runs a call that copies costs more.
            for rest in a.iter().chain(b) {
                merged.push(*rest);
            }
        }
        std::mem::swap(&mut order, &mut merged);
        merged.clear();
        run *= 2;
    }
    order
}

/// The indexes of `items` in their order; of equal items the last comes first.
pub(crate) fn order_of<T: Ord>(items: &[T]) -> Vec<usize> {
    order(items.len(), &mut |a, b| {
        items.get(a).cmp(&items.get(b)).then(b.cmp(&a))
    })
}

/// For each of `items`, whether no equal one comes later.
pub(crate) fn last_of_each<T: Ord>(items: &[T]) -> Vec<bool> {
    let mut last = vec![true; items.len()];
    for pair in order_of(items).windows(2) {
        if let [later, earlier] = *pair
            && items.get(later) == items.get(earlier)
            && let Some(flag) = last.get_mut(earlier)
        {
            *flag = false;
        }
    }
    last
}

#[cfg(test)]
mod tests {
    proptest::proptest! {
        #[test]
        fn sorts(items in proptest::collection::vec(0..20_u8, 0..100)) {
            let order = super::order(items.len(), &mut |a, b| items[a].cmp(&items[b]));
            // Equal items stay in their order.
            let mut expected: Vec<usize> = (0..items.len()).collect();
            expected.sort_by_key(|at| items[*at]);
            proptest::prop_assert_eq!(order, expected);
        }
    }

    #[test]
    fn the_last_of_each() {
        assert_eq!(
            super::last_of_each(&["b", "a", "b", "c", "b"]),
            [false, true, false, true, true]
        );
        assert_eq!(super::order_of(&["b", "a", "b"]), [1, 2, 0]);
    }
}
