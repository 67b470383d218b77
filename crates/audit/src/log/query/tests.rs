use std::fs;

use proptest::prelude::*;

use super::super::chain::{ChainId, Head};
use super::super::line::seal;
use super::super::reader::segment_name;
use super::*;

const EVENT: &str = r#"{"v":1,"ts":"2026-11-21T09:26:19.000001Z","category":"auth","action":"LOGIN","outcome":"denied","severity":"high","correlation_id":"CAB-456","actor":{"type":"user","id":"ada@example.com"},"resource":{"type":"deployment","id":"DEPLOY-123"},"details":{"actor":{"id":"eve"}}}"#;

fn query(filters: &[(&str, &str)]) -> Query {
    filters.iter().fold(Query::new(), |query, (name, value)| query.with(name, value).unwrap())
}

#[test]
fn each_filter_asks_for_what_it_says() {
    let table = [
        ("actor", "ada@example.com", true),
        ("actor", "Ada@example.com", false),
        ("actor", "eve", false),
        ("action", "LOGIN", true),
        ("action", "login", true),
        ("action", "LOG", false),
        ("category", "auth", true),
        ("category", "AUTH", true),
        ("category", "data", false),
        ("outcome", "denied", true),
        ("outcome", "success", false),
        ("severity", "high", true),
        ("severity", "low", false),
        ("correlation_id", "CAB-456", true),
        ("correlation_id", "cab-456", false),
        ("resource", "DEPLOY-123", true),
        ("resource", "deployment", true),
        ("resource", "deployment/DEPLOY-123", true),
        ("resource", "deployment/DEPLOY-12", false),
        ("resource", "deploymentDEPLOY-123", false),
        ("resource", "/DEPLOY-123", false),
        ("since", "2026-11-21", true),
        ("since", "2026-11-22", false),
        ("since", "2026-11-21T09:26:19.000001Z", true),
        ("since", "2026-11-21T09:26:19.000002Z", false),
        ("since", "2026-11-21T10:26:19+01:00", true),
        ("since", "2026-11-21T09:26:20Z", false),
        ("until", "2026-11-21T09:26:19.000001Z", false),
        ("until", "2026-11-21T09:26:19.000002Z", true),
        ("until", "2026-11-21", false),
    ];
    for (filter, value, is_asked_for) in table {
        assert_eq!(query(&[(filter, value)]).matches(EVENT.as_bytes()), is_asked_for, "{filter} {value}");
    }
    assert!(Query::new().matches(b"not even JSON"));
}

#[test]
fn all_filters_must_apply() {
    let both = query(&[("actor", "ada@example.com"), ("outcome", "denied")]);
    assert!(both.matches(EVENT.as_bytes()));
    assert!(!both.matches(EVENT.replace("denied", "success").as_bytes()));
    let none_of_it = query(&[("actor", "ada@example.com")]);
    for event in ["{}", "[]", "{\"actor\":\"ada@example.com\"}", "{\"actor\":null}", "{\"actor\":{\"id\":7}}"]
    {
        assert!(!none_of_it.matches(event.as_bytes()), "{event}");
    }
}

#[test]
fn a_recent_past_is_counted_from_now() {
    let now = "2026-11-21T10:00:00Z".parse::<jiff::Timestamp>().unwrap().into();
    let within = |minutes: u64| Query::new().within(std::time::Duration::from_secs(60 * minutes), now);
    assert!(within(60).matches(EVENT.as_bytes()) && !within(30).matches(EVENT.as_bytes()));
    assert!(Query::new().within(std::time::Duration::MAX, now).matches(EVENT.as_bytes()));
}

#[test]
fn what_cannot_be_asked_is_refused_with_what_can() {
    let table = [
        ("outcome", "maybe", "success, failure, denied"),
        ("category", "", "auth, access"),
        ("severity", "loud", "info, low"),
        ("since", "yesterday", "2026-11-21"),
        ("until", "2026-11-21T09:00:00", "2026-11-21T09:00:00Z"),
        ("actor", "", "1 to 1024 characters"),
        ("colour", "red", "actor, action"),
    ];
    for (filter, value, allowed) in table {
        let refused = Query::new().with(filter, value).unwrap_err();
        assert_eq!((refused.filter(), refused.value()), (filter, value));
        assert!(refused.allowed().contains(allowed), "{refused}");
    }
}

const CHAIN: ChainId = ChainId::from_bytes([7; 16]);

/// A log of so many records in segments of so many; every third is by ada.
fn log(records: usize, per_segment: usize) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut head = Head::START;
    let records = records as u64;
    while head.seq < records {
        let mut lines = Vec::new();
        let name = segment_name(head.next_seq());
        for _ in 0..(per_segment as u64).min(records - head.seq) {
            let actor = if head.next_seq().is_multiple_of(3) { "ada" } else { "bob" };
            head = seal(CHAIN, head, format!("{{\"actor\":{{\"id\":\"{actor}\"}}}}").as_bytes(), &mut lines);
        }
        fs::write(dir.path().join(name), lines).unwrap();
    }
    dir
}

fn seqs(page: &Page) -> Vec<u64> {
    page.records.iter().map(OwnedLine::seq).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn pages_in_a_row_are_all_that_was_asked_for_newest_first(
        records in 0..700usize, per_segment in 1..400usize, limit in 1..90usize, is_asked in any::<bool>(),
    ) {
        let dir = log(records, per_segment);
        let query = if is_asked { query(&[("actor", "ada")]) } else { Query::new() };
        let (mut found, mut before, mut pages) = (Vec::new(), None, 0);
        loop {
            let page = query.page(dir.path(), before, limit).unwrap();
            prop_assert!(page.records.len() <= limit && page.damaged == 0);
            found.extend(seqs(&page));
            pages += 1;
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        let expected: Vec<_> = (1..=records as u64).rev().filter(|seq| !is_asked || seq % 3 == 0).collect();
        prop_assert!(pages <= expected.len() / limit + 1);
        prop_assert_eq!(found, expected);
    }
}

proptest! {
    #[test]
    fn any_event_and_any_filter_is_judged_without_panic(
        event in proptest::collection::vec(any::<u8>(), 0..200), filter in "\\PC{0,12}", value in "\\PC{0,40}",
    ) {
        let asked = query(&[("actor", "ada"), ("since", "2026-11-21")]);
        prop_assert!(!asked.matches(&event));
        prop_assert!(Query::new().with(&filter, &value).is_err());
        for filter in Query::FILTERS {
            let _any = Query::new().with(filter, &value);
        }
    }
}

#[test]
fn a_page_begins_before_any_record() {
    let dir = log(2_000, 1_500);
    for before in [1, 2, 3, 700, 1_499, 1_500, 1_501, 1_502, 2_000, 2_001, 9_000] {
        let page = Query::new().page(dir.path(), Some(before), 2).unwrap();
        let newest = (before - 1).min(2_000);
        let expected: Vec<_> = (newest.saturating_sub(1).max(1)..=newest).rev().collect();
        assert_eq!(seqs(&page), expected, "{before}");
    }
}

#[test]
fn half_a_line_is_not_a_record_and_no_damage() {
    let dir = log(3, 10);
    let path = dir.path().join(segment_name(1));
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 7]).unwrap();
    let page = Query::new().page(dir.path(), None, 10).unwrap();
    assert_eq!((seqs(&page), page.damaged), (vec![2, 1], 0));
}

#[test]
fn lines_that_are_not_what_was_written_are_counted_and_not_given() {
    let dir = log(6, 10);
    let path = dir.path().join(segment_name(1));
    let mut lines: Vec<_> = fs::read_to_string(&path).unwrap().lines().map(str::to_owned).collect();
    lines[2] = lines[2].replace("ada", "eve");
    lines[4] = "{}".to_owned();
    fs::write(&path, lines.join("\n") + "\n").unwrap();
    let page = Query::new().page(dir.path(), None, 10).unwrap();
    assert_eq!((seqs(&page), page.damaged), (vec![6, 4, 2, 1], 2));
}

#[test]
fn a_page_looks_at_a_bounded_part_of_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let (mut head, mut lines) = (Head::START, Vec::new());
    let event = format!("{{\"actor\":{{\"id\":\"bob\"}},\"long\":\"{}\"}}", "x".repeat(1_000_000));
    for _ in 0..50 {
        head = seal(CHAIN, head, event.as_bytes(), &mut lines);
    }
    fs::write(dir.path().join(segment_name(1)), lines).unwrap();
    let page = query(&[("actor", "ada")]).page(dir.path(), None, 10).unwrap();
    assert_eq!((seqs(&page), page.next), (vec![], Some(17)));
    let page = query(&[("actor", "ada")]).page(dir.path(), page.next, 10).unwrap();
    assert_eq!((seqs(&page), page.next), (vec![], None));
    // Nor does it hold more than it can carry.
    let page = Query::new().page(dir.path(), None, 1000).unwrap();
    assert_eq!((page.records.len(), page.next), (5, Some(46)));
}

#[test]
fn an_empty_directory_has_one_empty_page() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(Query::new().page(dir.path(), None, 10).unwrap(), Page::default());
    assert!(Query::new().page("/nonexistent/log", None, 10).is_err());
}
