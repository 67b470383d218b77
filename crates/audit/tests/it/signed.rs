//! A log that is signed while it is written, and judged by what was kept elsewhere.

use std::fs;
use std::num::NonZeroU64;
use std::path::PathBuf;

use buttress_audit::log::{
    AuditLog, AuditLogBuilder, Checkpoints, FileAnchor, MadeAnew, OpenError, ResumeError, SigningKey,
};
use buttress_audit::verify::{Evidence, Report, Verdict, verify};
use buttress_audit::{Action, Event};

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn dir(&self) -> PathBuf {
        self.0.path().join("log")
    }

    fn builder(&self) -> AuditLogBuilder {
        let key = SigningKey::load_or_create(self.0.path().join("signing.key")).unwrap();
        fs::write(self.0.path().join("key.pub"), key.verifying_key().to_string()).unwrap();
        let anchor = FileAnchor::new(self.0.path().join("anchor"));
        let checkpoints = Checkpoints::signed_by(key).anchor(anchor);
        AuditLog::builder(self.dir()).checkpoints(checkpoints.every_records(NonZeroU64::new(50).unwrap()))
    }

    fn evidence(&self) -> Evidence {
        let evidence = Evidence::new().keys_from(self.0.path().join("key.pub")).unwrap();
        evidence.anchor_from(self.0.path().join("anchor")).unwrap()
    }

    fn report(&self) -> Report {
        verify(self.dir(), &self.evidence(), |_| {}).unwrap()
    }

    fn last_segment(&self) -> PathBuf {
        let names = fs::read_dir(self.dir()).unwrap().map(|entry| entry.unwrap().path());
        names.filter(|path| path.to_str().unwrap().contains("segment-")).max().unwrap()
    }
}

async fn record(log: &AuditLog, events: u64) {
    for n in 0..events {
        log.record(Event::builder(Action::LOGIN).detail("n", n).build()).await.unwrap();
    }
}

#[tokio::test]
async fn a_closed_log_is_intact_to_the_last_record_and_goes_on_so() {
    let place = Place::new();
    let mut records = 0;
    for events in [1, 0, 120, 3] {
        let log = place.builder().open().unwrap();
        record(&log, events).await;
        log.rotate();
        record(&log, 1).await;
        log.close().await;
        let report = place.report();
        assert_eq!(report.verdict, Verdict::Intact, "{}", report.to_json());
        assert!(report.records > records);
        records = report.records;
    }
    assert!(place.report().checkpoints >= 6, "{}", place.report().to_json());
}

#[tokio::test]
async fn a_log_that_was_cut_while_it_was_closed_is_not_opened_again() {
    let place = Place::new();
    let log = place.builder().open().unwrap();
    record(&log, 20).await;
    log.close().await;
    let segment = place.last_segment();
    let text = fs::read_to_string(&segment).unwrap();
    let cut = text.trim_end().rfind('\n').unwrap() + 1;
    fs::write(&segment, &text[..cut]).unwrap();
    let before = place.report();
    assert!(matches!(before.verdict, Verdict::Truncated { .. }), "{}", before.to_json());
    let refused = place.builder().open().unwrap_err();
    assert!(matches!(refused, OpenError::Checkpoints(ResumeError::Truncated { .. })), "{refused}");
    assert_eq!(place.report(), before);
}

#[tokio::test]
async fn what_retention_deletes_is_told_and_the_rest_is_as_it_was_signed() {
    let place = Place::new();
    let log = place.builder().keep_segments(2).open().unwrap();
    for _ in 0..6 {
        record(&log, 60).await;
        log.rotate();
        record(&log, 1).await;
    }
    log.close().await;
    // The next start has a reason to delete what is too much.
    let log = place.builder().keep_segments(2).open().unwrap();
    record(&log, 60).await;
    log.rotate();
    record(&log, 60).await;
    log.close().await;
    let report = place.report();
    let first = report.first_seq;
    assert_eq!(report.verdict, Verdict::Pruned { first_seq: first, unanchored: 0 }, "{}", report.to_json());
    assert!(first > 60, "{}", report.to_json());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_in_use_is_never_taken_for_a_damaged_one() {
    let place = Place::new();
    // So that there is an anchor from the beginning.
    let log = place.builder().open().unwrap();
    record(&log, 1).await;
    log.close().await;
    let log = place.builder().segment_bytes(64 << 10).open().unwrap();
    let writer = log.clone();
    let mut writing = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let writer = writer.clone();
        writing.spawn(async move { record(&writer, 300).await });
    }
    let mut looks = 0;
    while !writing.is_empty() || looks < 5 {
        let report = place.report();
        let is_fine = matches!(report.verdict, Verdict::Intact | Verdict::IntactUnanchoredTail { .. });
        assert!(is_fine, "{}", report.to_json());
        looks += 1;
        while writing.try_join_next().is_some() {}
        tokio::task::yield_now().await;
    }
    log.close().await;
    assert_eq!(place.report().verdict, Verdict::Intact);
}

/// What somebody takes away between two starts, and what knew nothing of the records at the second.
type Loss = (&'static [&'static str], &'static [&'static str]);

const LOSSES: [Loss; 9] = [
    (&[], &[]),
    (&["log/key.pub"], &[]),
    (&["signing.key"], &["key"]),
    (&["anchor"], &["anchor"]),
    (&["log/checkpoints.jsonl"], &["checkpoints"]),
    (&["signing.key", "anchor"], &["key", "anchor"]),
    (&["signing.key", "log/key.pub", "log/checkpoints.jsonl"], &["key", "checkpoints"]),
    (&["log/checkpoints.jsonl", "anchor"], &["checkpoints", "anchor"]),
    (&["signing.key", "log/key.pub", "log/checkpoints.jsonl", "anchor"], &["key", "checkpoints", "anchor"]),
];

fn kinds(made_anew: &[MadeAnew]) -> Vec<&'static str> {
    made_anew.iter().map(|made| made.what.as_str()).collect()
}

fn made_anew(log: &AuditLog) -> Vec<MadeAnew> {
    log.status().checkpoints.unwrap().made_anew
}

#[tokio::test]
async fn a_key_checkpoints_or_an_anchor_that_knew_nothing_of_the_records_are_told_by_status_log_and_verification()
 {
    for (lost, expected) in LOSSES {
        let place = Place::new();
        let log = place.builder().open().unwrap();
        assert_eq!(made_anew(&log), [], "a log that is begun has nothing to be told of");
        record(&log, 20).await;
        log.close().await;
        for name in lost {
            fs::remove_file(place.0.path().join(name)).unwrap();
        }
        let log = place.builder().open().unwrap();
        let told = made_anew(&log);
        assert_eq!(kinds(&told), expected, "without {lost:?}");
        assert!(told.iter().all(|made| made.records == 21), "{told:?}");
        log.close().await;
        let log = place.builder().open().unwrap();
        assert_eq!(made_anew(&log), [], "the next start has found them again");
        record(&log, 1).await;
        log.close().await;
        // Both keys are known where somebody changed them on purpose.
        let keys = Evidence::new().keys_from(place.dir().join("key.pub")).unwrap();
        let report = verify(place.dir(), &keys.anchor_from(place.0.path().join("anchor")).unwrap(), |_| {});
        let report = report.unwrap();
        assert_eq!(report.verdict, Verdict::Intact, "without {lost:?}: {}", report.to_json());
        assert_eq!(report.made_anew, told, "without {lost:?}");
        let json: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
        assert_eq!(json["made_anew"].as_array().unwrap().len(), expected.len(), "{json}");
    }
}

#[tokio::test]
async fn signing_a_log_that_was_not_signed_before_is_told() {
    let place = Place::new();
    let log = AuditLog::open(place.dir()).unwrap();
    record(&log, 3).await;
    log.close().await;
    let log = place.builder().open().unwrap();
    assert_eq!(kinds(&made_anew(&log)), ["key", "checkpoints", "anchor"]);
    log.close().await;
    let words = made_anew(&log)[2].to_string();
    assert_eq!(
        words,
        format!(
            "the anchor file {} knew nothing of a log of 4 records",
            place.0.path().join("anchor").display()
        )
    );
}

#[tokio::test]
async fn a_log_is_signed_from_its_first_record_on_so_that_a_process_killed_soon_after_is_no_stranger_to_it() {
    for was_begun_unsigned in [false, true] {
        let place = Place::new();
        if was_begun_unsigned {
            AuditLog::open(place.dir()).unwrap().close().await;
        }
        let log = place.builder().open().unwrap();
        assert_eq!(!made_anew(&log).is_empty(), was_begun_unsigned);
        // As it would be found if the process were killed now.
        let killed = tempfile::tempdir().unwrap();
        for name in ["format", "key.pub", "checkpoints.jsonl", "segment-00000000000000000001.jsonl"] {
            fs::copy(place.dir().join(name), killed.path().join(name)).unwrap();
        }
        log.close().await;
        let key = SigningKey::load(place.0.path().join("signing.key")).unwrap();
        let log = AuditLog::builder(killed.path()).checkpoints(Checkpoints::signed_by(key)).open().unwrap();
        assert_eq!(made_anew(&log), [], "it was told once");
    }
}

#[tokio::test]
async fn a_start_that_failed_does_not_make_a_new_key_a_known_one() {
    let (place, other) = (Place::new(), Place::new());
    for place in [&place, &other] {
        let log = place.builder().open().unwrap();
        record(&log, 3).await;
        log.close().await;
    }
    let (own, away) = (place.0.path().join("anchor"), place.0.path().join("away"));
    fs::rename(&own, &away).unwrap();
    fs::copy(other.0.path().join("anchor"), &own).unwrap();
    fs::remove_file(place.0.path().join("signing.key")).unwrap();
    assert!(place.builder().open().is_err(), "the anchor is of another log");
    fs::rename(&away, &own).unwrap();
    assert_eq!(kinds(&made_anew(&place.builder().open().unwrap())), ["key"]);
}

#[tokio::test]
async fn a_log_of_which_only_the_signatures_are_left_is_not_begun_anew_signed_or_not() {
    let place = Place::new();
    let log = place.builder().open().unwrap();
    record(&log, 1).await;
    log.close().await;
    for name in ["ballast", "segment-00000000000000000001.jsonl"] {
        fs::remove_file(place.dir().join(name)).unwrap();
    }
    for builder in [place.builder(), AuditLog::builder(place.dir())] {
        let error = builder.open().unwrap_err();
        assert!(matches!(&error, OpenError::Tampered(damage) if damage.kind == "missing_segment"), "{error}");
    }
}
