/// How a call gets past the breaker, in as much detail as the path without a lock needs.
///
/// In an order in which each question of that path is a look at one bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    /// Closed, and a success is one add to the thread's own count.
    Quick,
    /// Closed; outcomes go to the short lock, because failures are in a row or the window counts calls.
    Closed,
    /// Closed; admissions go to the short lock too, because the ages of running calls are watched.
    Timed,
    /// Half-open: hands out permits under the short lock.
    HalfOpen,
    /// Open: refuses until its time has come.
    Open,
    /// Open by hand.
    ForcedOpen,
    /// Out of force by hand: admits and records nothing.
    Disabled,
}

/// What lies between two changes of state; never used twice, so an outcome that was admitted in another epoch can be
/// told from news.
///
/// Kept shifted, as it stands in a [`Word`], so that comparing with one takes a single instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Epoch(u64);

/// A gate and the epoch it belongs to, in one word that one load reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word(u64);

const GATE_BITS: u32 = 3;
const GATE_MASK: u64 = (1 << GATE_BITS) - 1;

impl Epoch {
    pub(crate) const FIRST: Self = Self(0);

    pub(crate) const fn next(self) -> Self {
        Self(self.0.wrapping_add(1 << GATE_BITS))
    }

    pub(crate) const fn number(self) -> u64 {
        self.0 >> GATE_BITS
    }
}

impl Word {
    pub(crate) const fn new(gate: Gate, epoch: Epoch) -> Self {
        Self(epoch.0 | gate as u64)
    }

    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    pub(crate) const fn epoch(self) -> Epoch {
        Epoch(self.0 & !GATE_MASK)
    }

    pub(crate) const fn gate(self) -> Gate {
        match self.0 & GATE_MASK {
            0 => Gate::Quick,
            1 => Gate::Closed,
            2 => Gate::Timed,
            3 => Gate::HalfOpen,
            4 => Gate::Open,
            5 => Gate::ForcedOpen,
            _ => Gate::Disabled,
        }
    }

    /// Whether every call is admitted without a look at anything else.
    pub(crate) const fn is_free(self) -> bool {
        matches!(self.gate(), Gate::Quick | Gate::Closed)
    }

    /// Whether calls may be refused, which takes a closer look to tell.
    pub(crate) const fn may_refuse(self) -> bool {
        matches!(self.gate(), Gate::Open | Gate::ForcedOpen | Gate::Disabled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gate_and_epoch_survive_the_packing() {
        for gate in [
            Gate::Quick,
            Gate::Closed,
            Gate::Timed,
            Gate::Open,
            Gate::HalfOpen,
            Gate::ForcedOpen,
            Gate::Disabled,
        ] {
            for epoch in [Epoch::FIRST, Epoch::FIRST.next(), Epoch(!GATE_MASK)] {
                let word = Word::from_bits(Word::new(gate, epoch).bits());
                assert_eq!((word.gate(), word.epoch()), (gate, epoch));
            }
        }
        assert_eq!(Epoch::FIRST.next().next().number(), 2);
    }
}
