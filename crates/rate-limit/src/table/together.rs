use arrayvec::ArrayVec;

use super::bucket::{Held, Slot};
use super::{Table, tag};
use crate::{Claim, MAX_POLICIES, Ruling};

/// A claim that was looked at.
struct Draft {
    /// Which of the held buckets the key belongs to, and where it lies there.
    held: usize,
    slot: Option<Slot>,
    /// What the claim gets by itself.
    ruling: Ruling,
    /// The key's time if nothing is charged, and if all claims are.
    unchanged: u64,
    charged: u64,
    /// Whether no claim of the key costs anything.
    peeks: bool,
}

type Drafts = ArrayVec<Draft, MAX_POLICIES>;
/// Buckets by their place in the table.
type Buckets<'a> = ArrayVec<(usize, Held<'a>), MAX_POLICIES>;

impl Table {
    /// Charges all claims, or none, and tells what each got and the key's time after that. Claims of one key are
    /// decided as their sum. More than [`MAX_POLICIES`] are not looked at.
    ///
    /// All buckets are locked at once, so no other decision comes between; in order, so none waits in a circle.
    pub(crate) fn decide_together(
        &self,
        claims: &[Claim],
        now: u64,
        mut tell: impl FnMut(&Claim, Ruling, u64),
    ) {
        let claims = &claims[..claims.len().min(MAX_POLICIES)];
        let mut drafts = Drafts::new();
        let all_admitted = self.settle(claims, now, &mut drafts);
        for (claim, draft) in claims.iter().zip(&drafts) {
            tell(claim, draft.ruling, draft.tat(all_admitted));
        }
    }

    /// Looks at all claims, then stores what follows; whether all are admitted.
    fn settle(&self, claims: &[Claim], now: u64, drafts: &mut Drafts) -> bool {
        for claim in claims {
            self.expect_ahead(claim.rate.allowance());
        }
        let mut buckets = Buckets::new();
        self.hold_all(claims, &mut buckets);
        let now = buckets.iter().fold(now, |now, (_, bucket)| bucket.time(now));
        for (_, bucket) in &buckets {
            bucket.arrive(now);
        }
        for (place, claim) in claims.iter().enumerate() {
            let draft = self.draft(claim, &claims[..place], drafts, &buckets, now);
            drafts.push(draft);
        }
        let all_admitted = drafts.iter().all(|draft| matches!(draft.ruling, Ruling::Admit { .. }));
        self.store(claims, drafts, &buckets, all_admitted, now);
        all_admitted
    }

    fn hold_all<'a>(&'a self, claims: &[Claim], buckets: &mut Buckets<'a>) {
        let mut places: ArrayVec<usize, MAX_POLICIES> =
            claims.iter().map(|claim| self.place(claim.key)).collect();
        places.sort_unstable();
        for place in places {
            if buckets.last().is_none_or(|(last, _)| *last != place) {
                buckets.push((place, self.buckets[place].hold()));
            }
        }
    }

    fn draft(
        &self,
        claim: &Claim,
        earlier: &[Claim],
        drafts: &mut [Draft],
        buckets: &[(usize, Held<'_>)],
        now: u64,
    ) -> Draft {
        let Claim { key, rate, cost, .. } = *claim;
        if let Some(same) = earlier.iter().rposition(|other| other.key == key) {
            // The same key once more pays on top of what it is about to pay.
            let ruling = rate.decide(drafts[same].charged, now, cost);
            let peeks = drafts[same].peeks && cost == 0;
            for (draft, _) in drafts.iter_mut().zip(earlier).filter(|(_, other)| other.key == key) {
                (draft.charged, draft.peeks) = (ruling.tat(), peeks);
            }
            return Draft { ruling, ..drafts[same] };
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
        let (unchanged, charged) = (rate.clamp(stored, now), ruling.tat());
        Draft { held, slot, ruling, unchanged, charged, peeks: cost == 0 }
    }

    fn store(
        &self,
        claims: &[Claim],
        drafts: &[Draft],
        buckets: &[(usize, Held<'_>)],
        all_admitted: bool,
        now: u64,
    ) {
        for draft in drafts {
            if let Some(slot) = draft.slot {
                buckets[draft.held].1.set(slot, draft.tat(all_admitted));
            }
        }
        // Only now, because whoever enters may take the slot of a key that was found.
        for (claim, draft) in claims.iter().zip(drafts).filter(|(_, draft)| draft.slot.is_none()) {
            let (bucket, tag, tat) = (&buckets[draft.held].1, tag(claim.key), draft.tat(all_admitted));
            if tat > now && !draft.peeks && bucket.find(tag).is_none() {
                bucket.enter(tag, tat, now, self.horizon(now));
            }
        }
    }
}

impl Draft {
    /// What is stored for the key.
    const fn tat(&self, all_admitted: bool) -> u64 {
        if all_admitted { self.charged } else { self.unchanged }
    }
}
