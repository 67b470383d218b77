use std::fs;
use std::path::Path;

use buttress_fjall::{FjallStore, OpenError};
use buttress_idempotency::Store;
use buttress_idempotency::testing::claim;

use crate::sample::{HOUR, completed, completion, owned, polled_once};

fn refused(folder: &Path) -> (OpenError, String) {
    let error = FjallStore::open(folder).expect_err("it cannot be opened");
    let text = error.to_string();
    assert!(text.contains(&folder.display().to_string()), "the folder is not named: {text}");
    (error, text)
}

#[test]
fn a_folder_that_is_not_there_is_made() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("a/b/c");
    let store = FjallStore::open(&folder).unwrap();
    assert_eq!(store.folder(), folder);
    assert!(folder.join("v1").is_dir());
}

#[cfg(unix)]
#[test]
fn nobody_but_its_owner_may_look_into_a_folder_that_was_made_and_one_that_was_there_stays_as_it_is() {
    use std::os::unix::fs::PermissionsExt;

    let mode = |folder: &Path| fs::metadata(folder).unwrap().permissions().mode() & 0o7777;
    let parent = tempfile::tempdir().unwrap();
    let (new, old) = (parent.path().join("above/new"), parent.path().join("old"));
    fs::create_dir(&old).unwrap();
    fs::set_permissions(&old, fs::Permissions::from_mode(0o750)).unwrap();
    for folder in [&new, &old] {
        drop(FjallStore::open(folder).unwrap());
    }
    assert_eq!((mode(&new), mode(&old)), (0o700, 0o750));
}

#[test]
fn a_second_store_in_the_same_process_is_refused_and_told_who_holds_it() {
    let folder = tempfile::tempdir().unwrap();
    let first = FjallStore::open(&folder).unwrap();
    let (error, text) = refused(folder.path());
    assert!(
        matches!(error, OpenError::Locked { process: Some(id), .. } if id == std::process::id()),
        "{text}"
    );
    drop(first);
    drop(FjallStore::open(&folder).unwrap());
}

#[test]
fn a_file_is_not_a_folder() {
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("file");
    fs::write(&file, "text").unwrap();
    assert!(matches!(refused(&file).0, OpenError::NotAFolder { .. }));
    let (error, _) = refused(&file.join("below"));
    assert!(matches!(error, OpenError::Unusable { .. }), "{error:?}");
    assert_eq!(fs::read(&file).unwrap(), b"text");
}

#[test]
fn a_folder_of_somebody_else_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("diary.txt"), "dear").unwrap();
    let (error, text) = refused(folder.path());
    assert!(matches!(error, OpenError::Foreign { .. }) && text.contains("diary.txt"), "{text}");
    let names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["diary.txt"]);
}

#[tokio::test]
async fn what_somebody_puts_beside_the_database_later_does_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    drop(FjallStore::open(&folder).unwrap());
    fs::write(folder.path().join(".backup-tool"), "").unwrap();
    let store = FjallStore::open(&folder).unwrap();
    owned(&store, &claim()).await;
}

#[test]
fn a_later_format_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    drop(FjallStore::open(&folder).unwrap());
    fs::rename(folder.path().join("v1"), folder.path().join("v12")).unwrap();
    let (error, text) = refused(folder.path());
    assert!(matches!(error, OpenError::Newer { version: 12, .. }) && text.contains("12"), "{text}");
    assert!(!folder.path().join("v1").exists());
}

#[tokio::test]
async fn a_database_whose_creation_was_cut_short_is_created_anew() {
    let folder = tempfile::tempdir().unwrap();
    drop(FjallStore::open(&folder).unwrap());
    // As if the process had died before the last step, and earlier.
    fs::rename(folder.path().join("v1"), folder.path().join("v1.new")).unwrap();
    fs::remove_file(folder.path().join("v1.new/lock")).unwrap();
    let store = FjallStore::open(&folder).unwrap();
    owned(&store, &claim()).await;
    assert!(!folder.path().join("v1.new").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_cannot_be_written_is_refused_with_the_systems_reason() {
    // Not even the administrator may make a folder there.
    let (error, _) = refused(Path::new("/proc/self/buttress"));
    assert!(matches!(error, OpenError::Unusable { .. }), "{error:?}");
    assert!(std::error::Error::source(&error).is_some());
}

#[tokio::test]
async fn a_damaged_database_is_refused_and_not_taken_for_an_empty_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = FjallStore::open(&folder).unwrap();
    completed(&store, &claim(), b"kept".to_vec(), HOUR).await;
    drop(store);
    let marker = folder.path().join("v1/version");
    fs::write(&marker, "garbage").unwrap();
    assert!(matches!(refused(folder.path()).0, OpenError::Damaged { .. }));
}

#[test]
fn every_setting_that_is_out_of_range_is_told_and_nothing_is_made() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("store");
    let builder = FjallStore::builder(&folder).max_records(0).max_bytes(65_535);
    let error = builder.max_records_per_scope(0).max_bytes_per_scope(4_095).open().unwrap_err();
    let OpenError::Settings(settings) = &error else { panic!("{error:?}") };
    let fields: Vec<_> = settings.problems().iter().map(|problem| problem.field().to_owned()).collect();
    assert_eq!(fields, ["max_records", "max_bytes", "max_records_per_scope", "max_bytes_per_scope"]);
    assert!(!folder.exists());
}

#[tokio::test]
async fn the_last_handle_finishes_what_is_in_line_and_unlocks_before_its_drop_returns() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..30_u8 {
        let store = FjallStore::open(&folder).unwrap();
        let claim = claim();
        let owned = owned(&store, &claim).await;
        let step = crate::sample::complete(vec![round]);
        // In line, and nobody waits for it.
        let clone = store.clone();
        polled_once(clone.step(&owned.ticket, &step)).await;
        drop(clone);
        drop(store);
        let store = FjallStore::open(&folder).unwrap();
        let kept = completion(&store, &claim).await;
        assert_eq!(kept.response.body().unwrap()[..], [round]);
    }
}

#[tokio::test]
async fn a_clone_keeps_the_folder_open() {
    let folder = tempfile::tempdir().unwrap();
    let store = FjallStore::open(&folder).unwrap();
    let clone = store.clone();
    drop(store);
    assert!(matches!(refused(folder.path()).0, OpenError::Locked { .. }));
    assert!(clone.claim(&claim()).await.is_ok());
}
