use std::sync::Arc;
use std::time::Instant;

use arrayvec::ArrayVec;
use buttress_core::Refused;

use crate::policies::Policies;
use crate::rejection::RateLimited;
use crate::{
    Answer, ChargedBy, Claim, Claims, Fate, MAX_POLICIES, Pending, Position, Subject, Unavailable, Verdicts,
};

/// The policies that apply to one request, and how far their decision has come.
///
/// They are asked in rounds, because a tier decides only for itself: what is enforced before what is observed, and in
/// each what this process counts before what many share. The first round that refuses ends it, and what earlier rounds
/// of the same kind have charged is given back.
#[derive(Debug, Default)]
pub(crate) struct Trial {
    entries: ArrayVec<Entry, MAX_POLICIES>,
    /// How many entries each round has.
    sizes: [u8; ROUNDS],
    round: usize,
    /// What was charged and could still be given back, by round.
    charged: [bool; ROUNDS],
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) policy: usize,
    pub(crate) claim: Claim,
    round: usize,
    pub(crate) position: Option<Position>,
}

impl Entry {
    /// Who holds what it was charged.
    pub(crate) fn charged_by(&self) -> ChargedBy {
        self.position.map_or(ChargedBy::Tier, |position| position.charged_by)
    }
}

/// How a trial goes on.
pub(crate) enum Step {
    /// Nobody refuses who may.
    Passed,
    Refused(Refused),
    Later(Pending),
}

const ROUNDS: usize = 4;

/// The place of a policy in the order of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Round {
    pub(crate) observed: bool,
    pub(crate) shared: bool,
}

impl Round {
    const fn place(self) -> usize {
        2 * self.observed as usize + self.shared as usize
    }

    const fn at(place: usize) -> Self {
        Self { observed: place >= 2, shared: place % 2 == 1 }
    }
}

impl Trial {
    /// Begins with a policy whose round is next.
    #[inline]
    pub(crate) fn begin(&mut self, policy: usize, round: Round, claim: Claim) {
        self.round = round.place();
        self.push(policy, round, claim);
    }

    #[inline]
    pub(crate) fn push(&mut self, policy: usize, round: Round, claim: Claim) {
        let round = round.place();
        // There is a place for each policy of a layer.
        if self.entries.try_push(Entry { policy, claim, round, position: None }).is_ok() {
            self.sizes[round] += 1;
        }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn entry_mut(&mut self, place: usize) -> Option<&mut Entry> {
        self.entries.get_mut(place)
    }

    /// Everything that was charged.
    pub(crate) fn charged(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| self.charged[entry.round])
    }

    /// Asks one tier after the other, until one refuses or cannot answer at once, or all have admitted.
    #[inline]
    pub(crate) fn go_on<W: Subject>(&mut self, policies: &Policies<W>, now: Instant) -> Step {
        while self.round < ROUNDS {
            let refused = match (self.sizes[self.round], policies.sharing(Round::at(self.round).shared)) {
                (0, _) => {
                    self.round += 1;
                    continue;
                }
                (1, None) => self.count_one(policies, now),
                (_, None) => self.hear(policies, &Ok(policies.local.decide_all(&self.claims(), now)), now),
                (_, Some(tier)) => match tier.decide(&self.claims(), now) {
                    Answer::Later(pending) => return Step::Later(pending),
                    Answer::Now(said) => self.hear(policies, &said, now),
                },
            };
            if let Some(refused) = refused {
                return Step::Refused(refused);
            }
        }
        Step::Passed
    }

    /// Takes what a tier says of the round.
    pub(crate) fn hear<W: Subject>(
        &mut self,
        policies: &Policies<W>,
        said: &Result<Verdicts, Unavailable>,
        now: Instant,
    ) -> Option<Refused> {
        match said {
            Ok(verdicts) => {
                let round = self.round;
                let entries = self.entries.iter_mut().filter(|entry| entry.round == round);
                for (entry, position) in entries.zip(&verdicts.positions) {
                    entry.position = Some(*position);
                }
                self.close(policies, verdicts.admitted(), || now)
            }
            Err(unavailable) => {
                self.round += 1;
                self.end(policies, self.round - 1, Refused::new(*unavailable), now)
            }
        }
    }

    /// A round of one policy that this process counts.
    fn count_one<W: Subject>(&mut self, policies: &Policies<W>, now: Instant) -> Option<Refused> {
        let entry = self.entries.iter().find(|entry| entry.round == self.round)?;
        let position = policies.local.decide_one(&entry.claim, now);
        self.hear_one(policies, position, || now)
    }

    /// Takes what this process says of a round of one policy.
    pub(crate) fn hear_one<W: Subject>(
        &mut self,
        policies: &Policies<W>,
        position: Position,
        now: impl FnOnce() -> Instant,
    ) -> Option<Refused> {
        let entry = self.entries.iter_mut().find(|entry| entry.round == self.round)?;
        entry.position = Some(position);
        self.close(policies, position.fate == Fate::Admitted, now)
    }

    /// Ends a round whose entries know their positions.
    #[inline]
    fn close<W: Subject>(
        &mut self,
        policies: &Policies<W>,
        admitted: bool,
        now: impl FnOnce() -> Instant,
    ) -> Option<Refused> {
        let round = self.round;
        self.round += 1;
        self.charged[round] = admitted;
        if admitted { None } else { self.violated(policies, round, now()) }
    }

    /// Gives back what was charged, since the request is not going to happen.
    pub(crate) fn give_back<W: Subject>(&mut self, policies: &Policies<W>, now: Instant) {
        for round in 0..ROUNDS {
            self.give_back_round(policies, round, now);
        }
    }

    /// What is enforced.
    #[cfg(feature = "http")]
    pub(crate) fn enforced(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| !Round::at(entry.round).observed)
    }

    #[inline]
    fn claims(&self) -> Claims {
        self.entries.iter().filter(|entry| entry.round == self.round).map(|entry| entry.claim).collect()
    }

    #[cold]
    fn violated<W: Subject>(
        &mut self,
        policies: &Policies<W>,
        round: usize,
        now: Instant,
    ) -> Option<Refused> {
        let refusing = self.entries.iter().filter(|entry| entry.round == round).filter_map(|entry| {
            let wait = match entry.position?.fate {
                Fate::Admitted => return None,
                Fate::Denied { wait } => Some(wait),
                Fate::Never => None,
            };
            Some((Arc::clone(policies.name(entry.policy)), wait))
        });
        let why = Refused::new(RateLimited::new(refusing));
        self.end(policies, round, why, now)
    }

    /// Ends what belongs together with a round that refuses. It is a refusal if the round is enforced.
    #[cold]
    fn end<W: Subject>(
        &mut self,
        policies: &Policies<W>,
        round: usize,
        why: Refused,
        now: Instant,
    ) -> Option<Refused> {
        let Round { observed, shared } = Round::at(round);
        if shared {
            self.give_back_round(policies, round - 1, now);
        }
        self.round = ROUNDS;
        let policy = self.deciding(round).map_or("", |policy| policies.name(policy));
        if observed {
            policies.reporter.would_refuse(policy, &why);
            return None;
        }
        policies.reporter.refused(policy, &why);
        Some(why)
    }

    /// The policy of a round that keeps the caller waiting for longest; the first if none does.
    fn deciding(&self, round: usize) -> Option<usize> {
        let of_round = self.entries.iter().filter(|entry| entry.round == round);
        let wait = |entry: &Entry| {
            entry.position.map(|position| match position.fate {
                Fate::Admitted => std::time::Duration::ZERO,
                Fate::Denied { wait } => wait,
                Fate::Never => std::time::Duration::MAX,
            })
        };
        of_round
            .reduce(|first, other| if wait(other) > wait(first) { other } else { first })
            .map(|entry| entry.policy)
    }

    fn give_back_round<W: Subject>(&mut self, policies: &Policies<W>, round: usize, now: Instant) {
        if !std::mem::take(&mut self.charged[round]) {
            return;
        }
        let tier = policies.tier(Round::at(round).shared);
        for entry in self.entries.iter_mut().filter(|entry| entry.round == round) {
            let Claim { cost, quota, .. } = entry.claim;
            tier.refund(&entry.claim, cost, entry.charged_by(), now);
            if let Some(position) = &mut entry.position {
                position.remaining = position.remaining.saturating_add(cost).min(quota.burst_units());
            }
        }
    }
}
