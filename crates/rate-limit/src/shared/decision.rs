use std::time::Instant;

use arrayvec::ArrayVec;

use crate::shared::core::Core;
use crate::shared::flights::Landing;
use crate::shared::keeper;
use crate::shared::spot::{Judged, Part};
use crate::shared::terms::Terms;
use crate::{Ask, ChargedBy, Claims, Fate, MAX_POLICIES, Position, Store, Take, Unavailable, Verdicts};

/// What is known of a claim before the store is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draft {
    pub(super) terms: Terms,
    judged: Judged,
}

/// The drafts of one request.
pub(super) type Drafts = ArrayVec<Draft, MAX_POLICIES>;

/// Whether a request is looked at for the first time, or again after it has waited for another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    First,
    Again,
}

/// Whether the store must still be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sure {
    /// No: leases pay for everything, or one claim would be refused.
    Yes,
    No,
}

impl<S: Store> Core<S> {
    /// Lets leases pay, and memory refuse.
    pub(super) fn draft(&self, claims: &Claims, look: Look, now: Instant) -> (Drafts, Sure) {
        let now = self.ticks(now);
        let (mut drafts, mut refused, mut unsure) = (Drafts::new(), false, false);
        for claim in claims {
            let terms = Terms::of(claim, self.nodes);
            let judged = self.judge(&terms, refused, look, now);
            refused |= judged.part == Part::Refused;
            unsure |= judged.part == Part::Ask;
            drafts.push(Draft { terms, judged });
        }
        if refused {
            self.put_back(&drafts);
        }
        (drafts, if unsure && !refused { Sure::No } else { Sure::Yes })
    }

    fn judge(&self, terms: &Terms, refused: bool, look: Look, now: u64) -> Judged {
        let impossible = terms.cost > terms.rate.burst();
        let judged = if refused || impossible {
            self.book.with_known(terms.key, |spot| spot.look(terms, &self.rules, now))
        } else {
            self.book.with(terms.key, |spot| {
                if look == Look::First {
                    spot.note(terms, now);
                }
                spot.judge(terms, &self.rules, now)
            })
        };
        let judged = judged.unwrap_or_else(|| Judged::unknown(terms));
        if judged.refill > 0 {
            self.errand(terms.ask(Take::UpTo(judged.refill)));
        }
        if !impossible {
            return judged;
        }
        let position = Position { fate: Fate::Never, ..judged.position };
        Judged { part: Part::Refused, position, refill: 0 }
    }

    /// Has something done in the background.
    pub(super) fn errand(&self, ask: Ask) -> bool {
        let taken = self.errands.push(ask);
        if !taken {
            keeper::gave_up(self, &ask, Landing::Done);
        }
        taken
    }

    /// Gives leases back what they paid.
    pub(super) fn put_back(&self, drafts: &Drafts) {
        for Draft { terms, judged } in drafts {
            if let Part::Spent(spending) = &judged.part {
                self.book.with_known(terms.key, |spot| spot.put_back(spending));
            }
        }
    }

    /// Lets the stand-in decide what leases have not paid.
    pub(super) fn stand_in_for(
        &self,
        claims: &Claims,
        drafts: &Drafts,
        now: Instant,
    ) -> Result<Verdicts, Unavailable> {
        self.counters.degraded.add(1);
        let open = claims.iter().zip(drafts).filter(|(_, draft)| draft.is_open());
        let decided = self.stand_in.decide(&open.map(|(claim, _)| *claim).collect(), now)?;
        let mut decided = decided.positions.into_iter();
        let mut verdicts = verdicts(drafts);
        verdicts.degraded = true;
        for (position, _) in verdicts.positions.iter_mut().zip(drafts).filter(|(_, draft)| draft.is_open()) {
            *position = decided.next().unwrap_or(*position);
            position.charged_by = ChargedBy::StandIn;
        }
        Ok(verdicts)
    }
}

impl Draft {
    /// Whether the store must say.
    pub(super) fn is_open(&self) -> bool {
        self.judged.part == Part::Ask
    }

    /// What the store is asked.
    pub(super) fn ask(&self) -> Ask {
        self.terms.ask(Take::All(self.terms.cost))
    }
}

/// Where the claims stand as far as this node knows.
pub(super) fn verdicts(drafts: &Drafts) -> Verdicts {
    let positions = drafts.iter().map(|draft| draft.judged.position).collect();
    Verdicts { positions, degraded: false }
}
