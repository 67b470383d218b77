//! The bulkhead against a model that anybody can read.

use std::collections::VecDeque;

use buttress_bulkhead::{Bulkhead, Permit, Place};
use proptest::prelude::*;
use tokio_test::task::{self, Spawn};

use crate::for_calls;

const MAX_WAITING: usize = 4;

/// A bulkhead as a list of who runs and a list of who waits.
struct Naive {
    limit: usize,
    running: usize,
    waiting: VecDeque<u32>,
    /// Granted and not told yet.
    granted: Vec<u32>,
    next: u32,
}

impl Naive {
    fn has_room(&self) -> bool {
        self.waiting.is_empty() && self.in_flight() < self.limit
    }

    fn in_flight(&self) -> usize {
        self.running + self.granted.len()
    }

    fn hand_on(&mut self) {
        while self.in_flight() < self.limit
            && let Some(first) = self.waiting.pop_front()
        {
            self.granted.push(first);
        }
    }

    fn try_acquire(&mut self) -> bool {
        let admitted = self.has_room();
        self.running += usize::from(admitted);
        admitted
    }

    fn enqueue(&mut self) -> Option<u32> {
        let id = self.next;
        if self.has_room() {
            self.granted.push(id);
        } else if self.waiting.len() < MAX_WAITING {
            self.waiting.push_back(id);
        } else {
            return None;
        }
        self.next += 1;
        Some(id)
    }

    fn claim(&mut self, id: u32) -> bool {
        let claimed = self.leave_granted(id);
        self.running += usize::from(claimed);
        claimed
    }

    fn leave_granted(&mut self, id: u32) -> bool {
        let before = self.granted.len();
        self.granted.retain(|granted| *granted != id);
        self.granted.len() < before
    }

    fn give_up(&mut self, id: u32) {
        self.waiting.retain(|waiting| *waiting != id);
        self.leave_granted(id);
        self.hand_on();
    }

    fn finish(&mut self) {
        self.running -= 1;
        self.hand_on();
    }
}

#[derive(Clone, Debug)]
enum Step {
    TryAcquire,
    Enqueue,
    Finish(prop::sample::Index),
    Poll(prop::sample::Index),
    GiveUp(prop::sample::Index),
    Limit(u32),
}

fn step() -> impl Strategy<Value = Step> {
    let any = any::<prop::sample::Index>;
    prop_oneof![
        2 => Just(Step::TryAcquire),
        4 => Just(Step::Enqueue),
        3 => any().prop_map(Step::Finish),
        4 => any().prop_map(Step::Poll),
        2 => any().prop_map(Step::GiveUp),
        1 => (1..6_u32).prop_map(Step::Limit),
    ]
}

struct Real {
    bulkhead: Bulkhead,
    permits: Vec<Permit>,
    /// With whether it was polled, and so must be woken.
    places: Vec<(u32, Spawn<Place>, bool)>,
}

fn take(real: &mut Real, naive: &mut Naive, step: &Step) {
    match step {
        Step::TryAcquire => {
            let permit = real.bulkhead.try_acquire();
            assert_eq!(permit.is_ok(), naive.try_acquire());
            real.permits.extend(permit);
        }
        Step::Enqueue => {
            let place = real.bulkhead.enqueue().ok();
            let id = naive.enqueue();
            assert_eq!(place.is_some(), id.is_some());
            real.places.extend(id.zip(place).map(|(id, place)| (id, task::spawn(place), false)));
        }
        Step::Finish(which) if !real.permits.is_empty() => {
            drop(real.permits.swap_remove(which.index(real.permits.len())));
            naive.finish();
        }
        Step::Poll(which) if !real.places.is_empty() => {
            let place = which.index(real.places.len());
            let (id, future, polled) = &mut real.places[place];
            let ready = future.poll();
            *polled = true;
            assert_eq!(ready.is_ready(), naive.claim(*id));
            if let std::task::Poll::Ready(permit) = ready {
                real.permits.push(permit);
                drop(real.places.remove(place));
            }
        }
        Step::GiveUp(which) if !real.places.is_empty() => {
            let (id, place, _) = real.places.remove(which.index(real.places.len()));
            drop(place);
            naive.give_up(id);
        }
        Step::Limit(limit) => {
            real.bulkhead.set_max_concurrent(*limit).unwrap();
            naive.limit = usize::try_from(*limit).unwrap();
            naive.hand_on();
        }
        Step::Finish(_) | Step::Poll(_) | Step::GiveUp(_) => {}
    }
}

fn compare(real: &Real, naive: &Naive) {
    let seen = real.bulkhead.snapshot();
    let count = |number: usize| u32::try_from(number).unwrap();
    assert_eq!(seen.in_flight(), count(naive.in_flight()), "in flight");
    assert_eq!(seen.waiting(), count(naive.waiting.len()), "waiting");
    assert_eq!(seen.max_concurrent(), count(naive.limit), "limit");
    for (id, place, polled) in &real.places {
        let granted = naive.granted.contains(id);
        assert_eq!(
            place.is_woken(),
            granted && *polled,
            "waiter {id} is woken when it is granted, and never before"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_does_what_a_list_of_runners_and_a_list_of_waiters_would_do(
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let queue = u32::try_from(MAX_WAITING).unwrap();
        let bulkhead = for_calls(2).queue(queue).build().unwrap();
        let mut real = Real { bulkhead, permits: Vec::new(), places: Vec::new() };
        let mut naive =
            Naive { limit: 2, running: 0, waiting: VecDeque::new(), granted: Vec::new(), next: 0 };
        for step in &steps {
            take(&mut real, &mut naive, step);
            compare(&real, &naive);
        }
        let Real { bulkhead, permits, places } = real;
        drop((places, permits));
        prop_assert_eq!((bulkhead.in_flight(), bulkhead.waiting()), (0, 0));
    }
}
