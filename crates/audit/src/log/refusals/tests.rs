use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use proptest::prelude::*;

use super::summary::MOST_NAMED;
use super::window::MOST_CLIENTS;
use super::*;
use crate::Outcome;
use crate::log::status::real_now;

const SECOND: Duration = Duration::from_secs(1);

/// Three of one client, five of all, in ten seconds.
const BOUND: Bound = Bound { of_one: 3, of_all: 5, window: Duration::from_secs(10), is_off: false };

fn client(number: u16) -> IpAddr {
    let [high, low] = number.to_be_bytes();
    IpAddr::from([198, 51, high, low])
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + SECOND * u32::try_from(seconds).unwrap()
}

/// Refusals and the moment that their clock began.
struct Seen {
    refusals: Refusals,
    began: Instant,
}

impl Seen {
    fn new(bound: Bound) -> Self {
        Self { refusals: Refusals::new(bound), began: real_now() }
    }

    fn now(&self, seconds: u64) -> Instant {
        self.began + Duration::from_secs(seconds)
    }

    fn admits(&mut self, why: RefusedFor, from: Option<u16>, seconds: u64) -> bool {
        let refused = RefusedRequest { why, client: from.map(client) };
        self.refusals.admit(refused, self.now(seconds), at(seconds))
    }

    /// How many of so many are recorded each by itself.
    fn admitted(&mut self, why: RefusedFor, from: Option<u16>, seconds: u64, count: u32) -> u32 {
        (0..count).map(|_| u32::from(self.admits(why, from, seconds))).sum()
    }

    fn ended(&mut self, seconds: u64) -> Vec<Summary> {
        self.refusals.take_ended(self.now(seconds))
    }
}

#[test]
fn so_many_of_one_client_are_recorded_and_so_many_of_all_and_of_each_kind_by_itself() {
    use RefusedFor::{Forbidden, RateLimited};
    // Who, why, how many at once, and how many of them are recorded.
    let table = [
        (Some(1), RateLimited, 2, 2),
        (Some(1), RateLimited, 9, 1),
        (Some(2), RateLimited, 1, 1),
        (Some(3), RateLimited, 1, 1),
        (Some(4), RateLimited, 7, 0),
        (None, RateLimited, 1, 0),
        (Some(1), Forbidden, 4, 3),
        (None, Forbidden, 9, 2),
        (Some(5), Forbidden, 1, 0),
    ];
    let mut seen = Seen::new(BOUND);
    for (from, why, count, recorded) in table {
        assert_eq!(seen.admitted(why, from, 0, count), recorded, "{from:?} {why:?}");
    }
    let [limited, forbidden] = &seen.ended(10)[..] else { panic!("two kinds") };
    assert_eq!((limited.why(), limited.count, limited.recorded), (RateLimited, 16, 5));
    assert_eq!(limited.named, BTreeMap::from([(client(1), 8), (client(4), 7)]));
    assert_eq!(limited.details()["by_others"], 1, "whose address is not known");
    assert_eq!((forbidden.why(), forbidden.count, forbidden.recorded), (Forbidden, 9, 5));
}

#[test]
fn a_window_ends_after_its_time_and_a_next_one_begins_with_the_next_refusal() {
    let mut seen = Seen::new(BOUND);
    assert_eq!(seen.refusals.next_end(), None);
    assert_eq!(seen.admitted(RefusedFor::TooLarge, Some(1), 3, 4), 3);
    assert_eq!(seen.refusals.next_end(), Some(seen.now(13)));
    assert_eq!(seen.ended(12), []);
    let [told] = &seen.ended(13)[..] else { panic!("one kind") };
    assert_eq!((told.count, told.first, told.last), (1, at(3), at(3)));
    assert_eq!((seen.ended(14), seen.refusals.next_end()), (vec![], None), "what is told is told once");
    assert_eq!(seen.admitted(RefusedFor::TooLarge, Some(1), 20, 4), 3);
    assert_eq!(seen.refusals.next_end(), Some(seen.now(30)));
}

#[test]
fn a_window_that_nobody_looked_at_in_time_is_told_apart_from_the_next_one() {
    let mut seen = Seen::new(BOUND);
    seen.admitted(RefusedFor::Rule, Some(1), 0, 5);
    assert_eq!(seen.admitted(RefusedFor::Rule, Some(1), 10, 5), 3, "the bound is there again");
    let [told] = &seen.ended(10)[..] else { panic!("the first") };
    assert_eq!((told.count, told.last), (2, at(0)));
    let [told] = &seen.ended(20)[..] else { panic!("the second") };
    assert_eq!((told.count, told.first), (2, at(10)));
}

#[test]
fn a_window_without_too_many_has_nothing_to_tell() {
    let mut seen = Seen::new(BOUND);
    assert_eq!(seen.admitted(RefusedFor::Forbidden, Some(1), 0, 3), 3);
    assert_eq!((seen.ended(10), seen.refusals.take_all()), (vec![], vec![]));
}

#[test]
fn what_could_not_be_told_is_told_with_what_came_since() {
    let mut seen = Seen::new(BOUND);
    seen.admitted(RefusedFor::Forbidden, Some(1), 0, 5);
    let first = seen.ended(10).remove(0);
    seen.admitted(RefusedFor::Forbidden, Some(1), 11, 4);
    seen.admitted(RefusedFor::Forbidden, Some(2), 12, 4);
    seen.refusals.put_back([first.clone()]);
    assert_eq!(seen.ended(12).first(), Some(&first), "at once, since its window has ended");
    seen.refusals.put_back([first]);
    let [told] = &seen.refusals.take_all()[..] else { panic!("one kind") };
    assert_eq!((told.count, told.recorded, told.first, told.last), (5, 8, at(0), at(12)));
    assert_eq!(told.named, BTreeMap::from([(client(1), 3), (client(2), 2)]));
}

#[test]
fn of_many_clients_some_are_told_apart_the_worst_are_named_and_all_are_counted() {
    let bound = Bound { of_one: 1, of_all: 1_000_000, ..BOUND };
    let mut seen = Seen::new(bound);
    let (most, beyond) = (u16::try_from(MOST_CLIENTS).unwrap(), 500);
    let of_all: u32 =
        (0..most + beyond).map(|one| seen.admitted(RefusedFor::RateLimited, Some(one), 0, 2)).sum();
    assert_eq!(of_all, u32::from(most) + 1, "those who found no room have one share together");
    seen.admitted(RefusedFor::RateLimited, Some(most - 1), 0, 7);
    let [told] = &seen.ended(10)[..] else { panic!("one kind") };
    assert_eq!(told.count, u64::from((most + beyond) * 2 + 7) - u64::from(of_all));
    assert_eq!((told.named.len(), told.named[&client(most - 1)]), (MOST_NAMED, 8));
    let named: u64 = told.named.values().sum();
    assert_eq!(told.details()["by_others"], told.count - named);
}

#[test]
fn all_are_recorded_where_somebody_wants_that() {
    let mut seen = Seen::new(Bound { is_off: true, ..BOUND });
    assert_eq!(seen.admitted(RefusedFor::RateLimited, Some(1), 0, 2_000), 2_000);
    assert_eq!((seen.refusals.take_all(), seen.refusals.next_end()), (vec![], None));
}

#[test]
fn each_kind_has_its_place_its_word_and_the_outcome_of_its_records() {
    for (place, why) in RefusedFor::ALL.into_iter().enumerate() {
        assert_eq!(why as usize, place);
        let is_failure = why == RefusedFor::Overloaded;
        assert_eq!(why.outcome(), if is_failure { Outcome::Failure } else { Outcome::Denied });
        let mut seen = Seen::new(BOUND);
        seen.admitted(why, None, 0, 6);
        assert_eq!(seen.refusals.take_all()[0].why(), why);
    }
    let words =
        RefusedFor::ALL.map(RefusedFor::as_str).into_iter().collect::<std::collections::BTreeSet<_>>();
    assert_eq!(words.len(), RefusedFor::ALL.len());
}

/// What happens to refusals.
#[derive(Clone, Debug)]
enum Step {
    /// After so many seconds somebody is refused.
    Refuse { after: u64, why: usize, from: Option<u16> },
    /// After so many seconds the log looks, and cannot write what it finds, or can.
    Look { after: u64, works: bool },
}

fn step() -> impl Strategy<Value = Step> {
    let after = || prop_oneof![9 => Just(0_u64), 2 => 1_u64..4, 1 => 9_u64..25];
    let from = prop::option::weighted(0.9, 0_u16..4);
    prop_oneof![
        9 => (after(), 0..RefusedFor::ALL.len(), from).prop_map(|(after, why, from)| Step::Refuse { after, why, from }),
        1 => (after(), any::<bool>()).prop_map(|(after, works)| Step::Look { after, works }),
    ]
}

/// Everybody who was refused since a window began, as a list.
#[derive(Default)]
struct Naive {
    began: Option<u64>,
    /// Who, and whether he was recorded by himself.
    seen: Vec<(Option<u16>, bool)>,
}

impl Naive {
    fn admits(&mut self, from: Option<u16>, seconds: u64) -> bool {
        if self.began.is_none_or(|began| seconds >= began + 10) {
            *self = Self { began: Some(seconds), seen: Vec::new() };
        }
        let recorded = self.seen.iter().filter(|(_, recorded)| *recorded);
        let (of_all, of_one) = (recorded.clone().count(), recorded.filter(|(who, _)| *who == from).count());
        let is_admitted = of_all < 5 && (from.is_none() || of_one < 3);
        self.seen.push((from, is_admitted));
        is_admitted
    }
}

proptest! {
    #[test]
    fn every_refusal_is_recorded_or_told_and_never_both(steps in prop::collection::vec(step(), 0..200)) {
        let mut seen = Seen::new(BOUND);
        let mut naive: [Naive; RefusedFor::ALL.len()] = Default::default();
        let (mut seconds, mut refused, mut recorded) = (0, 0, 0);
        let mut counted = BTreeMap::<(RefusedFor, IpAddr), u64>::new();
        let mut told = Vec::new();
        for step in steps {
            match step {
                Step::Refuse { after, why, from } => {
                    seconds += after;
                    refused += 1;
                    let kind = RefusedFor::ALL[why];
                    let is_admitted = seen.admits(kind, from, seconds);
                    prop_assert_eq!(is_admitted, naive[why].admits(from, seconds));
                    recorded += u64::from(is_admitted);
                    if let (false, Some(from)) = (is_admitted, from) {
                        *counted.entry((kind, client(from))).or_default() += 1;
                    }
                }
                Step::Look { after, works } => {
                    seconds += after;
                    let found = seen.ended(seconds);
                    if works {
                        told.extend(found);
                    } else {
                        seen.refusals.put_back(found);
                    }
                }
            }
        }
        told.extend(seen.refusals.take_all());
        prop_assert_eq!(recorded + told.iter().map(|one| one.count).sum::<u64>(), refused);
        let mut named = BTreeMap::new();
        for one in &told {
            for (client, count) in &one.named {
                *named.entry((one.why(), *client)).or_default() += count;
            }
        }
        prop_assert_eq!(named, counted);
        prop_assert_eq!(seen.refusals.take_all(), vec![]);
    }
}
