use arrayvec::ArrayVec;

use super::bucket::{Held, Slot};
use super::{Table, tag};
use crate::{Claim, KeyHash, MAX_POLICIES, Ruling};

/// What became of one of several claims, and the key's time after the decision about all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    /// What the claim gets by itself.
    pub(crate) ruling: Ruling,
    /// What is stored for the key.
    pub(crate) tat: u64,
}

/// A claim that was looked at, and charged nowhere yet.
struct Draft {
    key: KeyHash,
    /// Which of the held buckets the key belongs to, and where it lies there.
    held: usize,
    slot: Option<Slot>,
    ruling: Ruling,
    /// The key's time if nothing is charged.
    unchanged: u64,
    /// Whether no claim of the key so far costs anything.
    peeks: bool,
}

type Held8<'a> = ArrayVec<(usize, Held<'a>), MAX_POLICIES>;
type Drafts = ArrayVec<Draft, MAX_POLICIES>;

impl Table {
    /// Charges all of at most [`MAX_POLICIES`] claims, or none. Claims of one key are decided as their sum.
    ///
    /// All buckets are locked at once, so no other decision comes between; in order, so none waits in a circle.
    pub(crate) fn decide_together(&self, claims: &[Claim], now: u64) -> ArrayVec<Outcome, MAX_POLICIES> {
        for claim in claims {
            self.expect_ahead(claim.rate.allowance());
        }
        let buckets = self.hold_all(claims);
        let mut drafts = Drafts::new();
        for claim in claims.iter().take(MAX_POLICIES) {
            drafts.push(self.draft(claim, &drafts, &buckets, now));
        }
        let outcomes = settle(&drafts);
        store(&drafts, &outcomes, &buckets, (now, self.horizon(now)));
        outcomes
    }

    fn hold_all(&self, claims: &[Claim]) -> Held8<'_> {
        let places = claims.iter().take(MAX_POLICIES).map(|claim| self.place(claim.key));
        let mut places: ArrayVec<usize, MAX_POLICIES> = places.collect();
        places.sort_unstable();
        let mut buckets = Held8::new();
        for place in places {
            if buckets.last().is_none_or(|(last, _)| *last != place) {
                buckets.push((place, self.buckets[place].hold()));
            }
        }
        buckets
    }

    fn draft(&self, claim: &Claim, earlier: &Drafts, buckets: &Held8<'_>, now: u64) -> Draft {
        let Claim { key, rate, cost, .. } = *claim;
        // The same key once more pays on top of what it is about to pay.
        if let Some(same) = of_key(earlier, key) {
            let ruling = rate.decide(same.ruling.tat(), now, cost);
            return Draft { ruling, peeks: same.peeks && cost == 0, ..*same };
        }
        let place = self.place(key);
        let held = buckets.iter().position(|(other, _)| *other == place).unwrap_or_default();
        let bucket = &buckets[held].1;
        let slot = bucket.find(tag(key));
        let stored = match slot {
            Some(slot) => bucket.tat(slot),
            None => bucket.owed(tag(key), self.horizon(now)),
        };
        let ruling = rate.decide(stored, now, cost);
        Draft { key, held, slot, ruling, unchanged: rate.clamp(stored, now), peeks: cost == 0 }
    }
}

/// The latest draft about a key; it holds what the earlier ones charge.
fn of_key(drafts: &[Draft], key: KeyHash) -> Option<&Draft> {
    drafts.iter().rev().find(|draft| draft.key == key)
}

fn settle(drafts: &Drafts) -> ArrayVec<Outcome, MAX_POLICIES> {
    let all_admitted = drafts.iter().all(|draft| matches!(draft.ruling, Ruling::Admit { .. }));
    let charged = |draft: &Draft| of_key(drafts, draft.key).map_or(draft.unchanged, |last| last.ruling.tat());
    let tat = |draft: &Draft| if all_admitted { charged(draft) } else { draft.unchanged };
    drafts.iter().map(|draft| Outcome { ruling: draft.ruling, tat: tat(draft) }).collect()
}

fn store(drafts: &[Draft], outcomes: &[Outcome], buckets: &Held8<'_>, (now, horizon): (u64, u64)) {
    let settled = || drafts.iter().zip(outcomes).map(|(draft, outcome)| (draft, outcome.tat));
    for (draft, tat) in settled() {
        if let Some(slot) = draft.slot {
            buckets[draft.held].1.set(slot, tat);
        }
    }
    // Only now, because whoever enters may take the slot of a key that was found.
    for (draft, tat) in settled().filter(|(draft, tat)| draft.slot.is_none() && *tat > now) {
        let bucket = &buckets[draft.held].1;
        if !draft.peeks && bucket.find(tag(draft.key)).is_none() {
            bucket.enter(tag(draft.key), tat, now, horizon);
        }
    }
}
