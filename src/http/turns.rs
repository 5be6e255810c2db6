//! How many requests may be under way at once.

use crate::maybe_send::Lock;
use std::{
    collections::VecDeque,
    future::poll_fn,
    sync::Arc,
    task::{Poll, Waker},
};

#[derive(Default)]
struct State {
    under_way: usize,
    /// Who waits, first come first served; an id tells them apart.
    waiting: VecDeque<(u64, Waker)>,
    next: u64,
}

/// A bound on what is under way.
pub(super) struct Turns {
    most: usize,
    state: Arc<Lock<State>>,
}

/// One of the places; it is free again when this is dropped.
pub(super) struct Turn(Arc<Lock<State>>);

/// Somebody who waits, and perhaps gives up.
struct Waits<'t> {
    turns: &'t Turns,
    id: Option<u64>,
}

impl Turns {
    pub(super) fn new(most: usize) -> Turns {
        Turns {
            most: most.max(1),
            state: Arc::default(),
        }
    }

    /// Waits for a place.
    pub(super) async fn take(&self) -> Turn {
        let mut waits = Waits {
            turns: self,
            id: None,
        };
        poll_fn(|context| waits.poll(context.waker())).await;
        Turn(Arc::clone(&self.state))
    }
}

impl Waits<'_> {
    fn poll(&mut self, waker: &Waker) -> Poll<()> {
        self.turns.state.with(|state| {
            let place = |state: &State, id| state.waiting.iter().position(|(of, _)| *of == id);
            let at = self.id.and_then(|id| place(state, id));
            // Whoever came first goes first.
            if state.under_way < self.turns.most && at.unwrap_or(state.waiting.len()) == 0 {
                if at.is_some() {
                    state.waiting.pop_front();
                }
                self.id = None;
                state.under_way += 1;
                wake_first(state);
                return Poll::Ready(());
            }
            match at.and_then(|at| state.waiting.get_mut(at)) {
                Some((_, known)) => known.clone_from(waker),
                None => {
                    let id = state.next;
                    state.next += 1;
                    self.id = Some(id);
                    state.waiting.push_back((id, waker.clone()));
                }
            }
            Poll::Pending
        })
    }
}

fn wake_first(state: &State) {
    if let Some((_, waker)) = state.waiting.front() {
        waker.wake_by_ref();
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        let Some(id) = self.id else { return };
        self.turns.state.with(|state| {
            state.waiting.retain(|(of, _)| *of != id);
            wake_first(state);
        });
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.with(|state| {
            state.under_way -= 1;
            wake_first(state);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{pin::pin, task::Context};

    #[test]
    fn as_many_as_allowed_in_the_order_they_came() {
        let turns = Turns::new(2);
        let mut context = Context::from_waker(Waker::noop());
        let mut take = || {
            let mut future = Box::pin(turns.take());
            match future.as_mut().poll(&mut context) {
                Poll::Ready(turn) => Ok(turn),
                Poll::Pending => Err(future),
            }
        };
        let (first, second) = (take().ok(), take().ok());
        assert!(first.is_some() && second.is_some());
        let (Err(mut third), Err(mut fourth)) = (take(), take()) else {
            panic!("more than two are under way");
        };
        drop(first);
        let mut context = Context::from_waker(Waker::noop());
        assert!(
            fourth.as_mut().poll(&mut context).is_pending(),
            "out of turn"
        );
        // Who gives up makes room for the next.
        assert!(third.as_mut().poll(&mut context).is_ready());
        drop(second);
        assert!(fourth.as_mut().poll(&mut context).is_ready());
    }

    #[test]
    fn who_gives_up_makes_room() {
        let turns = Turns::new(1);
        let mut context = Context::from_waker(Waker::noop());
        let Poll::Ready(turn) = pin!(turns.take()).poll(&mut context) else {
            panic!("nobody is before it");
        };
        let mut gives_up = Box::pin(turns.take());
        let mut stays = Box::pin(turns.take());
        assert!(gives_up.as_mut().poll(&mut context).is_pending());
        assert!(stays.as_mut().poll(&mut context).is_pending());
        drop(gives_up);
        drop(turn);
        assert!(stays.as_mut().poll(&mut context).is_ready());
    }
}
