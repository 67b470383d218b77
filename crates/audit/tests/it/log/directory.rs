use std::fs;
use std::path::Path;

use buttress_audit::log::{AuditLog, OpenError};
use buttress_audit::{Action, Reason};

use super::child;
use super::sample::{numbered, numbers, until};

fn refused(directory: &Path) -> (OpenError, String) {
    let error = AuditLog::open(directory).expect_err("it cannot be opened");
    let text = error.to_string();
    assert!(text.contains(&directory.display().to_string()), "the directory is not named: {text}");
    (error, text)
}

#[test]
fn a_directory_that_is_not_there_is_made() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("a/b/c");
    let log = AuditLog::open(&directory).unwrap();
    assert_eq!(log.directory(), directory);
    assert_eq!(fs::read_to_string(directory.join("format")).unwrap(), "buttress-audit-log 1\n");
}

#[test]
fn a_second_log_in_the_same_process_is_refused_and_told_who_holds_it() {
    let directory = tempfile::tempdir().unwrap();
    let first = AuditLog::open(&directory).unwrap();
    let (error, text) = refused(directory.path());
    assert!(
        matches!(error, OpenError::Locked { process: Some(id), .. } if id == std::process::id()),
        "{text}"
    );
    let clone = first.clone();
    drop(first);
    refused(directory.path());
    drop(clone);
    drop(AuditLog::open(&directory).unwrap());
}

#[test]
fn a_second_process_is_refused_until_the_first_is_dead() {
    let directory = tempfile::tempdir().unwrap();
    let (mut child, mut said) = child::start(&mut child::command(directory.path(), 0));
    assert!(said.any(|line| line.unwrap().starts_with("done")));
    let (_, text) = refused(directory.path());
    assert!(text.contains(&format!("process {}", child.id())), "{text}");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(AuditLog::open(&directory).is_ok(), "a lock dies with its process");
}

#[cfg(unix)]
#[test]
fn a_second_process_is_refused_also_where_somebody_has_removed_or_replaced_the_lock() {
    let deeds: [fn(&Path); 3] = [
        |lock| fs::remove_file(lock).unwrap(),
        |lock| {
            fs::remove_file(lock).unwrap();
            fs::write(lock, "4711").unwrap();
        },
        |lock| fs::rename(lock, lock.with_extension("away")).unwrap(),
    ];
    for deed in deeds {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("log");
        let (mut child, mut said) = child::start(&mut child::command(&directory, 0));
        assert!(said.any(|line| line.unwrap().starts_with("done")));
        deed(&directory.join("lock"));
        let (error, text) = refused(&directory);
        assert!(matches!(error, OpenError::Locked { .. } | OpenError::Foreign { .. }), "{text}");
        let lock_is_back =
            fs::read_dir(&directory).unwrap().any(|entry| entry.unwrap().file_name() == "lock");
        assert_eq!(lock_is_back, text.contains("4711"), "the second one leaves no trace: {text}");
        child.kill().unwrap();
        child.wait().unwrap();
        let _renamed = fs::remove_file(directory.join("lock.away"));
        assert!(AuditLog::open(&directory).is_ok(), "a lock dies with its process");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_log_whose_directory_was_replaced_writes_nothing_into_the_other_one() {
    let parent = tempfile::tempdir().unwrap();
    let (directory, away) = (parent.path().join("log"), parent.path().join("away"));
    let first = AuditLog::open(&directory).unwrap();
    first.record(numbered(Action::LOGIN, 1)).await.unwrap();
    fs::rename(&directory, &away).unwrap();
    let second = AuditLog::open(&directory).unwrap();
    until(&first, "it records nothing any more", |status| status.refusing == Some(Reason::Failed)).await;
    first.rotate();
    let error = first.status().last_error.unwrap();
    assert_eq!(error, "the directory was removed or replaced by somebody");
    second.record(numbered(Action::LOGIN, 2)).await.unwrap();
    second.close().await;
    assert_eq!(numbers(&directory), [2]);
    // Put back, it goes on by itself.
    fs::rename(&directory, parent.path().join("other")).unwrap();
    fs::rename(&away, &directory).unwrap();
    until(&first, "it records again", |status| status.refusing.is_none()).await;
    first.record(numbered(Action::LOGIN, 3)).await.unwrap();
    first.close().await;
    assert_eq!(numbers(&directory), [1, 3]);
}

#[test]
fn a_file_is_not_a_directory() {
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("file");
    fs::write(&file, "text").unwrap();
    assert!(matches!(refused(&file).0, OpenError::NotADirectory { .. }));
    assert!(matches!(refused(&file.join("below")).0, OpenError::Unusable { .. }));
    assert_eq!(fs::read(&file).unwrap(), b"text");
}

#[test]
fn a_directory_of_somebody_else_is_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("diary.txt"), "dear").unwrap();
    let (error, text) = refused(directory.path());
    assert!(matches!(error, OpenError::Foreign { .. }) && text.contains("diary.txt"), "{text}");
    let names: Vec<_> = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["diary.txt"]);
}

#[test]
fn a_file_of_somebody_else_beside_a_log_is_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    drop(AuditLog::open(&directory).unwrap());
    fs::write(directory.path().join("segment-1.jsonl"), "").unwrap();
    let (error, text) = refused(directory.path());
    assert!(matches!(error, OpenError::Foreign { .. }) && text.contains("segment-1.jsonl"), "{text}");
}

#[test]
fn a_format_of_somebody_else_is_foreign() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("format"), "audio/ogg\n").unwrap();
    assert!(matches!(refused(directory.path()).0, OpenError::Foreign { .. }));
}

#[cfg(unix)]
#[test]
fn a_directory_that_is_made_is_its_owners_alone_and_one_that_was_there_stays_as_it_is() {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let parent = tempfile::tempdir().unwrap();
    let (fresh, given) = (parent.path().join("made"), parent.path().join("given"));
    fs::create_dir(&given).unwrap();
    fs::set_permissions(&given, fs::Permissions::from_mode(0o750)).unwrap();
    for (directory, expected) in [(fresh, 0o700), (given, 0o750)] {
        drop(AuditLog::open(&directory).unwrap());
        assert_eq!(mode(&directory), expected, "{}", directory.display());
    }
}

#[test]
fn a_later_format_is_refused_with_both_versions_and_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    drop(AuditLog::open(&directory).unwrap());
    fs::write(directory.path().join("format"), "buttress-audit-log 12\n").unwrap();
    fs::write(directory.path().join("index-of-later-times"), "").unwrap();
    let (error, text) = refused(directory.path());
    assert!(matches!(error, OpenError::Newer { known: 1, .. }), "{error:?}");
    assert!(text.contains("\"12\"") && text.contains("up to 1"), "{text}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_directory_that_cannot_be_written_is_refused_with_the_systems_reason() {
    // Not even the administrator may make a directory there.
    let (error, _) = refused(Path::new("/proc/self/buttress"));
    assert!(matches!(error, OpenError::Unusable { .. }), "{error:?}");
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn every_setting_that_is_out_of_range_is_told_and_nothing_is_made() {
    use std::time::Duration;

    use buttress_audit::log::{Checkpoints, Policy, SigningKey, Then, WhenFull};
    use buttress_audit::{Category, Durability};
    use buttress_core::Ratio;

    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("log");
    let forever = WhenFull::Block { limit: Duration::from_secs(61), then: Then::Shed };
    let builder = AuditLog::builder(&directory).queue_events(0).queue_bytes(1).max_event_bytes(1_023);
    let builder = builder.shed_share(Ratio::ZERO).wait_share(Ratio::ZERO);
    let builder = builder.policy(Category::Data, Policy::new(Durability::Written, forever));
    let builder = builder.sync_within(Duration::ZERO).segment_bytes(1).segment_age(Duration::ZERO);
    let builder = builder.keep_for(Duration::ZERO).keep_bytes(1).keep_segments(0);
    // So long that no clock of the machine reaches its end.
    let checkpoints = Checkpoints::signed_by(SigningKey::generate("test").unwrap()).every(Duration::MAX);
    let builder = builder.checkpoints(checkpoints);
    let error = builder.disk_low(Ratio::percent(1), 0).open().unwrap_err();
    let OpenError::Settings(settings) = &error else { panic!("{error:?}") };
    let fields: Vec<_> = settings.problems().iter().map(|problem| problem.field().to_owned()).collect();
    let expected = [
        "queue_events",
        "queue_bytes",
        "wait_share",
        "shed_share",
        "max_event_bytes",
        "policy(data write) limit",
        "sync_within",
        "segment_bytes",
        "segment_age",
        "keep_for",
        "keep_bytes",
        "keep_segments",
        "disk_critical",
        "checkpoints every",
    ];
    assert_eq!(fields, expected);
    assert!(!directory.exists());
}

#[tokio::test]
async fn a_directory_whose_beginning_was_cut_short_is_begun_again() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("format.new"), "buttr").unwrap();
    fs::write(directory.path().join("lock"), "").unwrap();
    let log = AuditLog::open(&directory).unwrap();
    log.record(numbered(Action::UPDATE, 1)).await.unwrap();
    drop(log);
    assert_eq!(numbers(directory.path()), [1]);
}
