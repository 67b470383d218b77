//! Random schedules of appends, failures and crashes against a list of what was acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;

use buttress_core::WallClock;
use proptest::prelude::*;

use super::faulty::{Fate, FaultyDisk, records};
use crate::log::directory::Directory;
use crate::log::journal::Journal;
use crate::log::system::{Clerk, WhyNext};
use crate::log::{WhenDamaged, open};

#[derive(Clone, Debug)]
enum Step {
    /// So many records at once: how many of them, from the first, are acknowledged when written; whether to sync.
    Append {
        count: u8,
        kept: u8,
        sync: bool,
    },
    Rotate,
    Writes(Vec<Fate>),
    Syncs(Vec<Fate>),
    Cuts(Vec<Fate>),
    Removals(Vec<Fate>),
    DirectorySyncs(Vec<Fate>),
    /// The process is killed: what was written stays.
    Kill,
    /// The power is lost: of what was not synced, so much stays in each file, and so many bytes of rubbish come after.
    PowerLoss {
        stays: u8,
        rubbish: u8,
    },
}

fn fates(fails: impl Strategy<Value = Fate> + 'static) -> impl Strategy<Value = Vec<Fate>> {
    prop::collection::vec(prop_oneof![1 => Just(Fate::Works), 2 => fails], 1..4)
}

fn step() -> impl Strategy<Value = Step> {
    let bytes = || 0_usize..2_000;
    let write = prop_oneof![
        bytes().prop_map(Fate::Fails),
        bytes().prop_map(Fate::IsFull),
        (1_usize..200).prop_map(Fate::Takes)
    ];
    prop_oneof![
        8 => (0_u8..5, 0_u8..5, any::<bool>()).prop_map(|(count, kept, sync)| Step::Append { count, kept, sync }),
        1 => Just(Step::Rotate),
        2 => fates(write).prop_map(Step::Writes),
        2 => fates(Just(Fate::Fails(0))).prop_map(Step::Syncs),
        1 => fates(Just(Fate::Fails(0))).prop_map(Step::Cuts),
        1 => fates(Just(Fate::Fails(0))).prop_map(Step::Removals),
        1 => fates(Just(Fate::Fails(0))).prop_map(Step::DirectorySyncs),
        1 => Just(Step::Kill),
        1 => (any::<u8>(), 0_u8..40).prop_map(|(stays, rubbish)| Step::PowerLoss { stays, rubbish }),
    ]
}

/// What the log has promised.
#[derive(Default)]
struct Model {
    next: u64,
    /// Number of each event that was acknowledged, with that of its record.
    written: BTreeMap<u64, u64>,
    synced: BTreeMap<u64, u64>,
}

struct World {
    path: tempfile::TempDir,
    disk: FaultyDisk,
    open: Option<(Directory, Journal<FaultyDisk>)>,
    model: Model,
}

impl World {
    fn new() -> Self {
        let path = tempfile::tempdir().unwrap();
        let mut world = Self { path, disk: FaultyDisk::default(), open: None, model: Model::default() };
        world.reopen();
        world
    }

    fn reopen(&mut self) {
        drop(self.open.take());
        self.disk.heal();
        let directory = Directory::lock(self.path.path()).unwrap();
        let clerk = Clerk::new(WallClock::system());
        let journal = open::open(self.disk.clone(), &directory, clerk, WhenDamaged::Refuse, None);
        self.open = Some((directory, journal.unwrap()));
    }

    fn append(&mut self, count: u8, kept: u8, sync: bool) {
        let Some((_, journal)) = &mut self.open else { return };
        let mut sealed = Vec::new();
        for _ in 0..count {
            let text = "x".repeat(usize::try_from(self.model.next % 50).unwrap());
            let event =
                serde_json::json!({ "action": "A", "details": { "number": self.model.next, "text": text } });
            sealed.push((self.model.next, journal.seal(event.to_string().as_bytes())));
            self.model.next += 1;
        }
        if journal.write().is_err() {
            return;
        }
        let kept = if sync { usize::from(kept.min(count)) } else { sealed.len() };
        if let Some((_, mark)) = sealed.get(..kept).and_then(<[_]>::last) {
            journal.keep(*mark);
        }
        let marks = sealed.iter().map(|(number, mark)| (*number, mark.head.seq));
        self.model.written.extend(marks.clone().take(kept));
        if sync && journal.sync().is_ok() {
            self.model.written.extend(marks);
            self.model.synced = self.model.written.clone();
        }
    }

    fn lose_power(&mut self, stays: u8, rubbish: u8) {
        drop(self.open.take());
        self.disk.bring_back_what_was_removed();
        for (path, synced) in self.disk.synced() {
            let Ok(found) = path.metadata() else { continue };
            let unsynced = found.len().saturating_sub(synced);
            lose(&path, synced.min(found.len()) + unsynced * u64::from(stays) / 255, rubbish, unsynced > 0);
        }
        self.model.written = self.model.synced.clone();
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Append { count, kept, sync } => self.append(count, kept, sync),
            Step::Rotate => {
                if let Some((_, journal)) = &mut self.open {
                    let _maybe = journal.rotate(WhyNext::Demand);
                }
            }
            Step::Writes(fates) => self.disk.writes(fates),
            Step::Syncs(fates) => self.disk.syncs(fates),
            Step::Cuts(fates) => self.disk.cuts(fates),
            Step::Removals(fates) => self.disk.removals(fates),
            Step::DirectorySyncs(fates) => self.disk.directory_syncs(fates),
            Step::Kill => {
                self.reopen();
                self.check();
            }
            Step::PowerLoss { stays, rubbish } => {
                self.lose_power(stays, rubbish);
                self.reopen();
                self.check();
            }
        }
    }

    /// Everything that was acknowledged is there, under its number, and nothing is there twice.
    fn check(&self) {
        let found = records(self.path.path());
        let seqs = found.iter().filter_map(|record| Some((record.number()?, record.seq)));
        let known: BTreeMap<u64, u64> = seqs.clone().collect();
        assert_eq!(known.len(), seqs.count(), "something is there twice");
        for (number, seq) in &self.model.written {
            assert_eq!(known.get(number), Some(seq), "event {number}");
        }
        let unknown: BTreeSet<_> = known.keys().filter(|number| **number >= self.model.next).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }
}

fn lose(path: &Path, length: u64, rubbish: u8, was_being_written: bool) {
    let file = File::options().write(true).open(path).unwrap();
    file.set_len(length).unwrap();
    if was_being_written {
        // Room that was given to the file and never written.
        file.set_len(length + u64::from(rubbish)).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, max_shrink_iters: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_fails_and_whenever_it_is_killed_everything_acknowledged_is_there_once_in_one_chain(
        steps in prop::collection::vec(step(), 1..40)
    ) {
        let mut world = World::new();
        for step in steps {
            world.step(step);
        }
        world.reopen();
        world.check();
    }
}
