use std::time::Duration;

use super::Step;

/// The layers of a stack, outermost first.
#[derive(Clone, Copy)]
pub(super) struct Steps<'a>(pub(super) &'a [Step]);

impl Steps<'_> {
    pub(super) fn has(self, is: impl Fn(&Step) -> bool) -> bool {
        self.0.iter().any(is)
    }

    pub(super) fn has_several(self, is: impl Fn(&Step) -> bool) -> bool {
        self.0.iter().filter(|step| is(step)).count() > 1
    }

    /// Whether any of one kind stands outside any of the other.
    pub(super) fn has_outside(self, one: impl Fn(&Step) -> bool, other: impl Fn(&Step) -> bool) -> bool {
        let outermost = self.0.iter().position(one);
        let innermost = self.0.iter().rposition(other);
        matches!((outermost, innermost), (Some(one), Some(other)) if one < other)
    }

    /// The shortest total.
    pub(super) fn total(self) -> Option<Duration> {
        self.each(|step| if let Step::Deadline(total) = step { Some(total) } else { None }).min()
    }

    /// The longest time that an attempt may take.
    pub(super) fn attempt(self) -> Option<Duration> {
        self.each(|step| if let Step::AttemptTimeout(limit) = step { Some(limit) } else { None }).max()
    }

    /// The shortest window of a breaker.
    pub(super) fn window(self) -> Option<Duration> {
        self.each(|step| if let Step::CircuitBreaker { window } = step { window } else { None }).min()
    }

    /// How many attempts the outermost retry allows.
    pub(super) fn attempts(self) -> Option<u32> {
        self.each(|step| if let Step::Retry { max_attempts } = step { Some(max_attempts) } else { None })
            .next()
    }

    fn each<T>(self, pick: fn(Step) -> Option<T>) -> impl Iterator<Item = T> {
        self.0.iter().copied().filter_map(pick)
    }
}
