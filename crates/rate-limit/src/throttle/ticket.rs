use std::fmt;
use std::time::{Duration, Instant};

use buttress_core::{Deadline, Mode, Refused, Verdict};

use super::book::Reservation;
use super::rejection::WhyThrottled;
use super::state::{ThrottleHandle, now};

/// A call's place in the queue. Dropped before its slot is used, it gives the slot back.
pub(super) struct Ticket {
    throttle: ThrottleHandle,
    /// Gone once the slot is used.
    reservation: Option<Reservation>,
    arrived: Instant,
    slot: Instant,
    deadline: Option<Deadline>,
}

/// What the slot looks like when its time seems to have come.
pub(super) enum Due {
    /// The call may be sent.
    Now,
    /// The key has been blocked meanwhile.
    At(Instant),
    /// And for too long.
    Never(Refused),
}

impl Ticket {
    pub(super) fn new(
        throttle: ThrottleHandle,
        reservation: Reservation,
        (arrived, slot): (Instant, Instant),
        deadline: Option<Deadline>,
    ) -> Self {
        Self { throttle, reservation: Some(reservation), arrived, slot, deadline }
    }

    /// When the slot was when it was reserved.
    pub(super) fn slot(&self) -> Instant {
        self.slot
    }

    /// Whether the call may be sent; if so, the slot is used.
    pub(super) fn due(&mut self) -> Due {
        let now = now();
        let wait = self.wait(now);
        let why = self.too_late(now, wait);
        if (wait.is_zero() && why.is_none()) || self.throttle.mode().get() != Mode::Enforce {
            self.use_up();
            return Due::Now;
        }
        match why.and_then(|why| self.throttle.refuse(why, wait)) {
            Some(refused) => {
                self.give_up();
                Due::Never(refused)
            }
            None => Due::At(now + wait),
        }
    }

    pub(super) fn use_up(&mut self) {
        if let Some(reservation) = self.reservation.take() {
            self.throttle.with_book(|book| book.leave(reservation));
        }
    }

    fn wait(&self, now: Instant) -> Duration {
        let Some(reservation) = &self.reservation else { return Duration::ZERO };
        let now = self.throttle.ticks(now);
        Duration::from_nanos(self.throttle.with_book(|book| book.wait(reservation, now)))
    }

    fn too_late(&self, now: Instant, wait: Duration) -> Option<WhyThrottled> {
        let past = self.deadline.filter(|deadline| deadline.is_past(now + wait));
        if let Some(deadline) = past {
            return Some(WhyThrottled::Deadline(deadline.remaining(now)));
        }
        let max_wait = self.throttle.max_wait();
        let in_all = now.saturating_duration_since(self.arrived) + wait;
        // A call that has waited for its turn is not refused because its task was late.
        (!wait.is_zero() && in_all > max_wait).then_some(WhyThrottled::TooLong(max_wait))
    }

    fn give_up(&mut self) -> bool {
        let given_up = self.reservation.take();
        given_up.map(|reservation| self.throttle.with_book(|book| book.give_up(reservation))).is_some()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.give_up() {
            self.throttle.tell(Verdict::Abandoned, "throttle_left", None);
        }
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("reservation", &self.reservation).finish_non_exhaustive()
    }
}
