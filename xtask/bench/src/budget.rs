//! What a row may cost over the bare service, and whether it does.

/// The most that one operation may cost; what is `None` has no bound.
#[derive(Clone, Copy)]
pub(crate) struct Budget {
    pub(crate) instructions: Option<u32>,
    pub(crate) allocations: Option<u32>,
    /// Nanoseconds on one thread.
    pub(crate) alone: Option<u32>,
    /// Nanoseconds on two threads that share the layer.
    pub(crate) together: Option<u32>,
    /// A peer of the same table of whose instructions it may cost at most half.
    pub(crate) half_of: Option<&'static str>,
}

impl Budget {
    pub(crate) const NONE: Self =
        Self { instructions: None, allocations: None, alone: None, together: None, half_of: None };

    pub(crate) const fn instructions(most: u32) -> Self {
        Self { instructions: Some(most), ..Self::NONE }
    }

    pub(crate) const fn allocations(self, most: u32) -> Self {
        Self { allocations: Some(most), ..self }
    }

    pub(crate) const fn alone(self, nanos: u32) -> Self {
        Self { alone: Some(nanos), ..self }
    }

    pub(crate) const fn together(self, nanos: u32) -> Self {
        Self { together: Some(nanos), ..self }
    }

    pub(crate) const fn half_of(self, peer: &'static str) -> Self {
        Self { half_of: Some(peer), ..self }
    }
}

/// The least that a row of an experiment may show in a column.
pub(crate) struct Floor {
    pub(crate) row: &'static str,
    pub(crate) head: &'static str,
    pub(crate) least: u32,
}

/// Where a figure has to stay.
#[derive(Clone, Copy)]
pub(crate) enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

/// One bound, and what was measured.
pub(crate) struct Verdict {
    pub(crate) what: String,
    pub(crate) bound: Bound,
    pub(crate) seen: f64,
}

impl Verdict {
    /// Whether it is kept, as far as the printed digits tell.
    pub(crate) fn is_kept(&self) -> bool {
        match self.bound {
            Bound::AtMost(most) => self.seen.round() <= most,
            Bound::AtLeast(least) => self.seen.round() >= least,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_kept_up_to_the_printed_digit() {
        for (bound, seen, is_kept) in [
            (Bound::AtMost(100.0), 100.4, true),
            (Bound::AtMost(100.0), 100.6, false),
            (Bound::AtLeast(94.0), 93.6, true),
            (Bound::AtLeast(94.0), 93.4, false),
        ] {
            assert_eq!(Verdict { what: String::new(), bound, seen }.is_kept(), is_kept, "{seen}");
        }
    }
}
