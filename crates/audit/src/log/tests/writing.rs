//! Random schedules of events, room that comes and goes, failures, ends and kills against what was promised, through
//! the writer as it runs, but on the thread of the test and in its time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use buttress_core::Ratio;
use proptest::prelude::*;

use super::faulty::{Fate, FaultyDisk, Found, records};
use crate::event::{RefusedFor, RefusedRequest};
use crate::log::handle::writer;
use crate::log::ladder::Ladder;
use crate::log::refusals::Bound;
use crate::log::room::Amount;
use crate::log::settings::Settings;
use crate::log::shared::Shared;
use crate::log::writer::Writer;
use crate::log::{Place, Policy, Recording, Reserving, WhenFull, batch};
use crate::{Action, Category, Durability, Event, NotRecorded, Reason, Receipt, Reservation};

const ACTIONS: [Action; 5] =
    [Action::LOGIN, Action::UPDATE, Action::ACCESS_GRANTED, Action::REFUND_ISSUED, Action::SERVICE_STARTED];

#[derive(Clone, Debug)]
enum Step {
    /// Somebody takes a place for one of the actions.
    Reserve(u8),
    /// Whoever has had a place longest hands over his event, with so much text.
    Record(u16),
    /// So many requests are refused one after the other.
    Flood(u8),
    /// What waits is written.
    Write,
    /// A second passes.
    Pass,
    /// There is room for so many bytes on the disk, which the system says, or not, as where each has his quota.
    Room(u32, bool),
    /// There is room again, and nothing fails.
    Heal,
    Writes(Vec<Fate>),
    Syncs(Vec<Fate>),
    Cuts(Vec<Fate>),
    Removals(Vec<Fate>),
    DirectorySyncs(Vec<Fate>),
    /// A sink has everything that it may know of.
    Confirm,
    Rotate,
    Close,
    Kill,
    PowerLoss,
}

fn fates(fails: impl Strategy<Value = Fate> + 'static) -> impl Strategy<Value = Vec<Fate>> {
    prop::collection::vec(prop_oneof![1 => Just(Fate::Works), 2 => fails], 1..4)
}

fn step() -> impl Strategy<Value = Step> {
    let write = (0_usize..2_000).prop_map(Fate::Fails);
    let sync = prop_oneof![Just(Fate::Fails(0)), Just(Fate::IsFull(0))];
    // As little as a part of a record, and as much as the ballast.
    let room = prop_oneof![0_u32..2_000, 0_u32..20_000, 200_000_u32..600_000];
    prop_oneof![
        12 => any::<u8>().prop_map(Step::Reserve),
        12 => prop_oneof![0_u16..100, 0_u16..10_000].prop_map(Step::Record),
        4 => (1_u8..8).prop_map(Step::Flood),
        10 => Just(Step::Write),
        3 => Just(Step::Pass),
        3 => (room, any::<bool>()).prop_map(|(bytes, is_told)| Step::Room(bytes, is_told)),
        2 => Just(Step::Heal),
        1 => fates(write).prop_map(Step::Writes),
        1 => fates(sync).prop_map(Step::Syncs),
        1 => fates(Just(Fate::Fails(0))).prop_map(Step::Cuts),
        1 => fates(Just(Fate::Fails(0))).prop_map(Step::Removals),
        1 => fates(Just(Fate::Fails(0))).prop_map(Step::DirectorySyncs),
        1 => Just(Step::Confirm),
        1 => Just(Step::Rotate),
        1 => Just(Step::Close),
        1 => Just(Step::Kill),
        1 => Just(Step::PowerLoss),
    ]
}

/// What was promised.
#[derive(Default)]
struct Model {
    next: u64,
    /// The number of the record of each event that was acknowledged, by what it survives.
    written: BTreeMap<u64, u64>,
    synced: BTreeMap<u64, u64>,
    /// Since the last start: what gaps must tell of, what nothing was promised for, and what gaps had told before.
    lost: u64,
    unpromised: Vec<u64>,
    told_before: u64,
    /// Since the last start: refused requests that were only counted, and how many of those were told of before.
    counted: u64,
    summarised_before: u64,
    /// What was said not to be there for want of room.
    refused: Vec<u64>,
}

struct World {
    path: tempfile::TempDir,
    disk: FaultyDisk,
    open: Option<Writer<FaultyDisk>>,
    shared: Arc<Shared>,
    places: VecDeque<(Action, Place)>,
    due: Vec<(u64, Recording)>,
    model: Model,
}

fn settings(path: &std::path::Path) -> Settings {
    let one = Durability::Replicated(1.try_into().unwrap());
    let mut settings = Settings::of(path.to_owned());
    settings.policies.set(Category::Financial.into(), Policy::new(one, WhenFull::FailRequest));
    settings.policies.set(Category::System.into(), Policy::new(Durability::Enqueued, WhenFull::Shed));
    settings.refusals = Bound { of_one: 3, of_all: 3, window: Duration::from_secs(2), is_off: false };
    settings.queue = Amount { events: 12, bytes: 64 << 10 };
    settings.ladder = Ladder { low: Ratio::ZERO, low_bytes: 0, critical: Ratio::ZERO };
    settings.sinks = vec!["sink".to_owned()];
    settings
}

fn opened(path: &std::path::Path, disk: &FaultyDisk) -> Writer<FaultyDisk> {
    writer(settings(path), disk.clone()).unwrap()
}

fn polled<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

impl World {
    fn new() -> Self {
        let (path, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
        let open = opened(path.path(), &disk);
        let shared = Arc::clone(&open.shared);
        let (places, due, model) = (VecDeque::new(), Vec::new(), Model::default());
        Self { path, disk, open: Some(open), shared, places, due, model }
    }

    fn heal(&self) {
        self.disk.heal();
        self.disk.has_space(1 << 30, 1 << 30);
    }

    fn reserve(&mut self, which: u8) {
        let action = &ACTIONS[usize::from(which) % ACTIONS.len()];
        match polled(Reserving::new(Arc::clone(&self.shared), action.class())) {
            Poll::Ready(Ok(place)) => self.places.push_back((action.clone(), place)),
            Poll::Ready(Err(why)) => self.model.lost += u64::from(why.shed),
            // It would wait, and leaves.
            Poll::Pending => {}
        }
    }

    fn record(&mut self, text: u16) {
        let Some((action, place)) = self.places.pop_front() else { return };
        let number = self.model.next;
        self.model.next += 1;
        let event = Event::builder(action)
            .detail("number", number)
            .detail("text", "x ".repeat(usize::from(text) / 2));
        self.due.push((number, place.record(event.build())));
    }

    /// Requests that are refused, each with a place that it gives back if it is only counted.
    fn flood(&mut self, count: u8) {
        for _ in 0..count {
            let others = self.places.len();
            self.reserve(UPDATE);
            let Some((action, place)) = self.places.drain(others..).next() else { return };
            let mut parts = Event::builder(action).detail("number", self.model.next).build().into_parts();
            parts.refused = Some(RefusedRequest { why: RefusedFor::RateLimited, client: None });
            let mut recording = place.record(parts.into_event(std::time::SystemTime::UNIX_EPOCH));
            match polled(&mut recording) {
                Poll::Ready(Ok(Receipt { seq: None, .. })) => self.model.counted += 1,
                Poll::Ready(answer) => self.answered(self.model.next, answer),
                Poll::Pending => self.due.push((self.model.next, recording)),
            }
            self.model.next += 1;
        }
    }

    fn write(&mut self) {
        let state = self.shared.lock();
        let has_work = !state.queue.is_empty() || state.rotate;
        drop(state);
        if let Some(writer) = self.open.as_mut().filter(|_| has_work) {
            assert!(writer.goes_on());
        }
        self.settle();
    }

    /// Notes what became of those that wait.
    fn settle(&mut self) {
        for (number, mut recording) in std::mem::take(&mut self.due) {
            match polled(&mut recording) {
                Poll::Pending => self.due.push((number, recording)),
                Poll::Ready(answer) => self.answered(number, answer),
            }
        }
    }

    fn answered(&mut self, number: u64, answer: Result<Receipt, NotRecorded>) {
        match answer {
            Ok(Receipt { seq: None, .. }) => self.model.unpromised.push(number),
            Ok(Receipt { seq: Some(seq), durability }) => {
                self.model.written.insert(number, seq);
                if durability >= Durability::Synced {
                    self.model.synced.insert(number, seq);
                }
            }
            Err(why) => {
                assert_ne!(why.reason, Reason::QueueFull, "there was a place");
                self.model.lost += 1;
                self.model.refused.extend((why.reason == Reason::DiskFull).then_some(number));
            }
        }
    }

    async fn pass(&mut self) {
        tokio::time::advance(Duration::from_secs(1)).await;
        if let Some(writer) = &mut self.open {
            writer.goes_on();
        }
        self.settle();
    }

    /// Ends it, which takes all that waits, and tells of all that was lost.
    fn close(&mut self) {
        self.heal();
        self.places.clear();
        let Some(mut writer) = self.open.take() else { return };
        self.shared.begin_to_close();
        while writer.goes_on() {}
        writer.end();
        self.settle();
        assert!(self.due.is_empty());
        let totals = crate::log::Status::of(&self.shared).totals();
        assert_eq!(
            totals.emitted,
            totals.acknowledged + totals.summarised + totals.shed + totals.failed,
            "{totals:?}"
        );
        let found = records(self.path.path());
        let known: BTreeSet<_> = found.iter().filter_map(Found::number).collect();
        let missing = self.model.unpromised.iter().filter(|number| !known.contains(number)).count();
        assert_eq!(gaps(&found) - self.model.told_before, self.model.lost + missing as u64);
        assert_eq!(summarised(&found) - self.model.summarised_before, self.model.counted);
    }

    fn kill(&mut self) {
        self.settle();
        self.places.clear();
        self.due.clear();
        drop(self.open.take());
    }

    fn lose_power(&mut self) {
        self.kill();
        self.disk.bring_back_what_was_removed();
        for (path, synced) in self.disk.synced() {
            if let Ok(file) = std::fs::File::options().write(true).open(&path)
                && file.metadata().unwrap().len() > synced
            {
                file.set_len(synced).unwrap();
            }
        }
        self.model.written = self.model.synced.clone();
    }

    fn begin(&mut self) {
        self.heal();
        let open = opened(self.path.path(), &self.disk);
        (self.shared, self.open) = (Arc::clone(&open.shared), Some(open));
        let found = records(self.path.path());
        self.check(&found);
        (self.model.lost, self.model.told_before) = (0, gaps(&found));
        (self.model.counted, self.model.summarised_before) = (0, summarised(&found));
        self.model.unpromised.clear();
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Reserve(which) => self.reserve(which),
            Step::Record(text) => self.record(text),
            Step::Flood(count) => self.flood(count),
            Step::Write => self.write(),
            Step::Pass => self.pass().await,
            Step::Room(bytes, is_told) => {
                self.disk.has_room(bytes.into());
                self.disk.has_space(if is_told { bytes.into() } else { 1 << 30 }, 1 << 30);
            }
            Step::Heal => self.heal(),
            Step::Writes(fates) => self.disk.writes(fates),
            Step::Syncs(fates) => self.disk.syncs(fates),
            Step::Cuts(fates) => self.disk.cuts(fates),
            Step::Removals(fates) => self.disk.removals(fates),
            Step::DirectorySyncs(fates) => self.disk.directory_syncs(fates),
            Step::Confirm => {
                let head = self.shared.head.borrow().seq;
                batch::confirmed(&self.shared, "sink", head);
                self.settle();
            }
            Step::Rotate => {
                self.shared.lock().rotate = true;
                self.write();
            }
            Step::Close => {
                self.close();
                self.begin();
            }
            Step::Kill => {
                self.kill();
                self.begin();
            }
            Step::PowerLoss => {
                self.lose_power();
                self.begin();
            }
        }
    }

    /// Everything that was acknowledged is there, under its number, and nothing is there twice.
    fn check(&self, found: &[Found]) {
        let seqs = found.iter().filter_map(|record| Some((record.number()?, record.seq)));
        let known: BTreeMap<u64, u64> = seqs.clone().collect();
        assert_eq!(known.len(), seqs.count(), "something is there twice");
        for (number, seq) in &self.model.written {
            assert_eq!(known.get(number), Some(seq), "event {number}");
        }
        assert!(known.keys().all(|number| *number < self.model.next));
        let refused = self.model.refused.iter().find(|number| known.contains_key(number));
        assert_eq!(refused, None, "there was no room for it");
    }
}

fn gaps(found: &[Found]) -> u64 {
    told_by("AUDIT_GAP", found)
}

fn summarised(found: &[Found]) -> u64 {
    told_by("AUDIT_REFUSALS", found)
}

fn told_by(action: &str, found: &[Found]) -> u64 {
    let records = found.iter().filter(|record| record.action() == action);
    records.map(|record| record.event["details"]["count"].as_u64().unwrap()).sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, max_shrink_iters: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_disk_does_everybody_is_told_the_truth_and_gaps_count_all_that_is_not_there(
        steps in prop::collection::vec(step(), 1..60)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let mut world = World::new();
            for step in steps {
                world.step(step).await;
            }
            world.close();
            world.begin();
        });
    }
}

const UPDATE: u8 = 1;
const LOGIN: u8 = 0;

impl World {
    fn log(&mut self, action: u8) {
        self.reserve(action);
        self.record(0);
        self.write();
    }

    fn has_room(&self, bytes: u64) {
        self.disk.has_room(bytes);
        // As where each has his quota: the system says nothing of it.
        self.disk.has_space(1 << 30, 1 << 30);
    }

    fn synced(&self) -> u64 {
        crate::log::Status::of(&self.shared).synced.seq
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_only_written_is_synced_in_time_also_while_there_is_no_room() {
    let mut world = World::new();
    world.log(UPDATE);
    assert_eq!((world.model.written.len(), world.synced()), (1, 1));
    world.has_room(0);
    // There is nothing that could be given back either.
    std::fs::remove_file(world.path.path().join("ballast")).unwrap();
    world.log(UPDATE);
    assert_eq!(world.model.refused, [1]);
    world.pass().await;
    assert_eq!(world.synced(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_end_syncs_what_was_written_also_where_its_last_record_finds_no_room() {
    let mut world = World::new();
    let lose = |world: &World| {
        let at = std::time::SystemTime::UNIX_EPOCH;
        world.shared.lock().losses.note(Category::System, Reason::QueueFull, at);
    };
    lose(&world);
    world.log(UPDATE);
    // A gap was told just now, so the next one waits for the end.
    lose(&world);
    world.log(UPDATE);
    assert!(world.synced() < world.model.written[&1]);
    world.has_room(0);
    world.shared.begin_to_close();
    let mut writer = world.open.take().unwrap();
    while writer.goes_on() {}
    writer.end();
    assert_eq!(world.synced(), world.model.written[&1]);
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn while_its_directory_is_away_nothing_is_written_to_it_however_often_it_is_looked_for() {
    let mut world = World::new();
    world.log(LOGIN);
    let refusing = |world: &World| crate::log::Status::of(&world.shared).refusing;
    let away = world.path.path().with_extension("away");
    std::fs::rename(world.path.path(), &away).unwrap();
    let before = records(&away).len();
    for _ in 0..3 {
        world.pass().await;
        assert_eq!(refusing(&world), Some(Reason::Failed));
    }
    assert_eq!(records(&away).len(), before);
    std::fs::rename(&away, world.path.path()).unwrap();
    world.pass().await;
    assert_eq!(refusing(&world), None);
}

#[tokio::test(start_paused = true)]
async fn after_there_was_no_room_it_goes_on_when_there_are_512_kib_and_not_before() {
    let mut world = World::new();
    for (kib, goes_on) in [(0, false), (400, false), (511, false), (512, true)] {
        world.disk.has_room(kib << 10);
        world.disk.has_space(kib << 10, 1 << 30);
        if kib == 0 {
            world.log(LOGIN);
        }
        world.pass().await;
        assert_eq!(crate::log::Status::of(&world.shared).refusing.is_none(), goes_on, "{kib} KiB");
    }
}

#[tokio::test(start_paused = true)]
async fn where_the_log_cannot_go_on_yet_the_room_that_was_kept_back_stays_with_those_who_have_a_place() {
    let mut world = World::new();
    world.reserve(LOGIN);
    world.reserve(LOGIN);
    world.has_room(0);
    world.record(0);
    world.write();
    // As much as is to be kept back again, and nothing beyond it.
    world.has_room((256 << 10) + 100);
    world.pass().await;
    world.record(0);
    world.write();
    assert_eq!(world.model.synced.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_count_that_somebody_may_have_seen_is_not_told_again_because_what_came_after_it_failed() {
    let mut world = World::new();
    world.flood(7);
    tokio::time::advance(Duration::from_secs(3)).await;
    world.reserve(UPDATE);
    world.reserve(LOGIN);
    world.record(0);
    world.record(0);
    // The count and the update are written and shown, and then neither this file nor a next one keeps the login.
    world.disk.syncs([Fate::Fails(0); 20]);
    world.write();
    assert_eq!(world.model.lost, 1);
    world.close();
}
