//! One sort for everything that is not hot: each instance of the standard one is 4 KB of wasm.

use std::cmp::Ordering;

/// The indexes below `len` in the order that `compare` says.
pub(crate) fn order(len: usize, compare: &mut dyn FnMut(usize, usize) -> Ordering) -> Vec<usize> {
    let mut order: Vec<usize> = (0..len).collect();
    order.sort_unstable_by(|a, b| compare(*a, *b));
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
    #[test]
    fn the_last_of_each() {
        assert_eq!(
            super::last_of_each(&["b", "a", "b", "c", "b"]),
            [false, true, false, true, true]
        );
        assert_eq!(super::order_of(&["b", "a", "b"]), [1, 2, 0]);
    }
}
