//! The room against a model that keeps each place and each line as it stands.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Copy, Debug)]
enum Step {
    Take(Rank),
    Wait(Rank),
    /// Who waits looks whether it is his turn, and has a place if it is.
    Look(u8),
    Leave(u8),
    Fill(u8, u8),
    GiveBack(u8),
    Shut,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => rank().prop_map(Step::Take),
        4 => rank().prop_map(Step::Wait),
        4 => any::<u8>().prop_map(Step::Look),
        2 => any::<u8>().prop_map(Step::Leave),
        3 => (any::<u8>(), 0_u8..60).prop_map(|(which, bytes)| Step::Fill(which, bytes)),
        6 => any::<u8>().prop_map(Step::GiveBack),
        1 => Just(Step::Shut),
        1 => Just(Step::Reopen),
    ]
}

fn rank() -> impl Strategy<Value = Rank> {
    prop::sample::select(&[Strict, Patient, Sheddable][..])
}

/// The same by lists of everybody, looked through from the beginning each time.
struct Model {
    most: Amount,
    wait: Amount,
    share: Amount,
    is_shut: bool,
    /// Everybody who has a place, with its bytes; those who have not fetched it among them.
    places: Vec<(Rank, usize)>,
    /// Everybody in line, in the order of arrival, and whether his place is there.
    line: BTreeMap<u64, (Rank, bool)>,
}

impl Model {
    fn used(&self, rank: Rank) -> Amount {
        let of = self.places.iter().filter(|(whose, _)| *whose == rank);
        Amount { events: of.clone().count(), bytes: of.map(|(_, bytes)| bytes).sum() }
    }

    fn has_room(&self, rank: Rank) -> bool {
        let (strict, patient, sheddable) = (self.used(Strict), self.used(Patient), self.used(Sheddable));
        let is_in =
            |most: Amount, events: usize, bytes: usize| events < most.events && bytes + NOMINAL <= most.bytes;
        let (below, all) = (patient.events + sheddable.events, self.places.len());
        let lost = sheddable.bytes.min(self.share.bytes);
        let is_within = match rank {
            Strict => is_in(self.most, all, strict.bytes + (patient.bytes + lost).min(self.wait.bytes)),
            Patient => {
                is_in(self.wait, below, patient.bytes + lost)
                    && is_in(self.most, all, strict.bytes + patient.bytes + lost)
            }
            Sheddable => {
                let bytes = patient.bytes + sheddable.bytes;
                is_in(self.share, sheddable.events, sheddable.bytes)
                    && is_in(self.wait, below, bytes)
                    && is_in(self.most, all, strict.bytes + bytes)
            }
        };
        !self.is_shut && is_within
    }

    fn next(&self) -> Option<(u64, Rank)> {
        let waiting = |rank| {
            let mut line = self.line.iter();
            line.find_map(move |(turn, found)| (*found == (rank, false)).then_some((*turn, rank)))
        };
        waiting(Strict).or_else(|| waiting(Patient)).or_else(|| waiting(Sheddable))
    }

    fn settle(&mut self) {
        while let Some((turn, rank)) = self.next().filter(|(_, rank)| self.has_room(*rank)) {
            self.line.insert(turn, (rank, true));
            self.places.push((rank, NOMINAL));
        }
    }

    fn take(&mut self, rank: Rank) -> bool {
        let is_first = match self.next() {
            None => true,
            Some((_, first)) => rank < first,
        };
        let is_taken = is_first && self.has_room(rank);
        if is_taken {
            self.places.push((rank, NOMINAL));
        }
        is_taken
    }
}

/// One of those there are.
fn pick<T>(of: &[T], which: u8) -> Option<usize> {
    (!of.is_empty()).then(|| usize::from(which) % of.len())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn it_is_as_in_the_model_and_what_must_not_be_lost_always_finds_what_is_kept_for_it(
        (events, bytes, wait, shed) in (1_usize..12, 10_usize..150, 1_u32..=100, 1_u32..=100),
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let mut room = shared(events, bytes, wait, shed);
        let [most, wait, share] = [Strict, Patient, Sheddable].map(|rank| room.most(rank));
        let mut model =
            Model { most, wait, share, is_shut: false, places: Vec::new(), line: BTreeMap::new() };
        // Places that were fetched, and everybody in line.
        let (mut places, mut tickets) = (Vec::<(Rank, usize)>::new(), Vec::<Ticket>::new());
        for step in steps {
            match step {
                Step::Take(rank) => {
                    let is_taken = room.take(rank);
                    prop_assert_eq!(is_taken, model.take(rank), "{:?}", rank);
                    places.extend(is_taken.then_some((rank, NOMINAL)));
                }
                Step::Wait(rank) => {
                    let ticket = room.wait(rank, Waker::noop());
                    model.line.insert(ticket.turn, (ticket.rank, false));
                    tickets.push(ticket);
                }
                Step::Look(which) => if let Some(which) = pick(&tickets, which) {
                    let ticket = tickets[which];
                    let is_granted = room.is_granted(ticket, Waker::noop());
                    prop_assert_eq!(is_granted, model.line[&ticket.turn].1);
                    if is_granted {
                        tickets.remove(which);
                        model.line.remove(&ticket.turn);
                        places.push((ticket.rank, NOMINAL));
                    }
                },
                Step::Leave(which) => if let Some(which) = pick(&tickets, which) {
                    let ticket = tickets.remove(which);
                    room.leave(ticket);
                    if let Some((rank, true)) = model.line.remove(&ticket.turn) {
                        let place = model.places.iter().position(|place| *place == (rank, NOMINAL));
                        model.places.remove(place.unwrap());
                    }
                    model.settle();
                },
                Step::Fill(which, bytes) => if let Some(which) = pick(&places, which) {
                    let (rank, before) = places[which];
                    // A place is filled once.
                    if before == NOMINAL {
                        let bytes = usize::from(bytes).max(1) + usize::from(usize::from(bytes) == NOMINAL);
                        room.fill(rank, bytes);
                        places[which].1 = bytes;
                        let place = model.places.iter_mut().find(|place| **place == (rank, NOMINAL));
                        place.unwrap().1 = bytes;
                        if bytes < NOMINAL {
                            model.settle();
                        }
                    }
                },
                Step::GiveBack(which) => if let Some(which) = pick(&places, which) {
                    let (rank, bytes) = places.remove(which);
                    let mut freed = Freed::default();
                    freed.add(rank, bytes);
                    room.give_back(freed);
                    let place = model.places.iter().position(|place| *place == (rank, bytes));
                    model.places.remove(place.unwrap());
                    model.settle();
                },
                Step::Shut => {
                    room.shut();
                    model.is_shut = true;
                }
                Step::Reopen => {
                    room.reopen();
                    model.is_shut = false;
                    model.settle();
                }
            }
            for rank in [Strict, Patient, Sheddable] {
                prop_assert_eq!(room.used(rank), model.used(rank), "{:?}", rank);
            }
            prop_assert!(room.used(Sheddable).events <= share.events);
            prop_assert!(room.used(Patient).events + room.used(Sheddable).events <= wait.events);
            prop_assert_eq!(room.waiting(), model.line.values().filter(|(_, has)| !has).count());
            let strict = room.used(Strict);
            let is_within = strict.events < most.events - wait.events
                && strict.bytes + NOMINAL <= most.bytes - wait.bytes.min(most.bytes);
            if is_within && !model.is_shut && room.sides[0].waiting.is_empty() {
                prop_assert!(room.fits(Strict), "what is kept for it is there");
            }
        }
    }
}
