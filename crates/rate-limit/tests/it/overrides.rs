//! What quotas of single keys promise.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use buttress_core::{BoxError, Verdict};
use buttress_rate_limit::{
    FetchFuture, HashKey, KeyHash, Lookup, OverrideKey, Overrides, OverridesBuilder, Quota,
};
use buttress_testkit::{Recorder, allocations_during, clock};
use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);
const BIG: Option<Quota> = Some(Quota::per_second(1_000));
const SMALL: Option<Quota> = Some(Quota::per_second(1));

/// A source that a test steers. It answers after 10 ms.
#[derive(Clone, Default)]
struct Table {
    says: Arc<Mutex<Says>>,
    asked: Arc<AtomicU64>,
}

#[derive(Clone, Copy, Default)]
enum Says {
    #[default]
    Nothing,
    Quota(Option<Quota>),
    Fails,
    Hangs,
    Panics,
}

impl Table {
    fn saying(says: Says) -> Self {
        let table = Self::default();
        table.say(says);
        table
    }

    fn say(&self, says: Says) {
        *self.says.lock() = says;
    }

    fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    fn overrides(&self) -> OverridesBuilder {
        let table = self.clone();
        let answer = move |_: OverrideKey| {
            table.asked.fetch_add(1, Ordering::Relaxed);
            let says = *table.says.lock();
            async move {
                sleep(10 * MS).await;
                match says {
                    Says::Nothing => Ok(None),
                    Says::Quota(quota) => Ok(quota),
                    Says::Fails => Err(BoxError::from("no database")),
                    Says::Hangs => pending().await,
                    Says::Panics => panic!("a source that panics"),
                }
            }
        };
        Overrides::builder(answer).name("per-tenant")
    }
}

fn key(number: u32) -> KeyHash {
    KeyHash::from_bits(number.into())
}

fn look(overrides: &Overrides, number: u32) -> Lookup {
    overrides.lookup(key(number), || number.to_string().into(), Instant::now().into_std())
}

fn known(overrides: &Overrides, number: u32) -> Option<Quota> {
    match look(overrides, number) {
        Lookup::Known(quota) => quota,
        Lookup::Fetch(_) => panic!("the source is asked for {number}"),
    }
}

fn fetch(overrides: &Overrides, number: u32) -> FetchFuture {
    match look(overrides, number) {
        Lookup::Fetch(answer) => answer,
        Lookup::Known(quota) => panic!("{number} is known: {quota:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_waits_for_the_source_once_and_then_is_known() {
    let table = Table::saying(Says::Quota(BIG));
    let overrides = table.overrides().build().unwrap();
    let begin = Instant::now();
    assert_eq!(fetch(&overrides, 1).await, BIG);
    assert_eq!(begin.elapsed(), 10 * MS);
    for _ in 0..100 {
        assert_eq!(known(&overrides, 1), BIG);
    }
    assert_eq!(table.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn that_a_key_has_no_quota_of_its_own_is_remembered_too() {
    let table = Table::default();
    let overrides = table.overrides().build().unwrap();
    assert_eq!(fetch(&overrides, 1).await, None);
    assert_eq!(known(&overrides, 1), None);
    assert_eq!(table.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_source_is_told_the_key_and_debug_output_is_not() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&asked);
    let source = move |key: OverrideKey| {
        sink.lock().push((key.as_str().to_owned(), format!("{key:?}")));
        async { Ok(None) }
    };
    let overrides = Overrides::builder(source).build().unwrap();
    let now = Instant::now().into_std();
    let hash = HashKey::random().scope("per-key").finish();
    let Lookup::Fetch(answer) = overrides.lookup(hash, || "secret".into(), now) else { panic!("unknown") };
    answer.await;
    assert_eq!(*asked.lock(), [("secret".to_owned(), "OverrideKey(6 bytes)".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn a_hundred_lookups_of_one_key_ask_once() {
    let table = Table::saying(Says::Quota(BIG));
    let overrides = table.overrides().build().unwrap();
    let mut waiting = JoinSet::new();
    for _ in 0..100 {
        waiting.spawn(fetch(&overrides, 1));
    }
    assert!(waiting.join_all().await.iter().all(|quota| *quota == BIG));
    assert_eq!(table.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_first_to_ask_may_leave_and_the_others_still_hear() {
    let table = Table::saying(Says::Quota(BIG));
    let overrides = table.overrides().build().unwrap();
    let first = fetch(&overrides, 1);
    let second = fetch(&overrides, 1);
    drop(first);
    assert_eq!(second.await, BIG);
    let only = fetch(&overrides, 2);
    clock::settle().await;
    drop(only);
    clock::advance(10 * MS).await;
    assert_eq!(known(&overrides, 2), BIG, "asked for is asked for, even if nobody waits");
    assert_eq!(table.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_old_answer_serves_while_a_new_one_is_fetched() {
    let table = Table::saying(Says::Quota(BIG));
    let overrides = table.overrides().build().unwrap();
    fetch(&overrides, 1).await;
    table.say(Says::Quota(SMALL));
    clock::advance(59 * SECOND).await;
    assert_eq!((known(&overrides, 1), overrides.counts().asking), (BIG, 0));
    clock::advance(SECOND).await;
    assert_eq!((known(&overrides, 1), overrides.counts().asking), (BIG, 1));
    assert_eq!((known(&overrides, 1), overrides.counts().asking), (BIG, 1));
    clock::settle().await;
    clock::advance(10 * MS).await;
    assert_eq!(known(&overrides, 1), SMALL, "R-25: the first decision after the refresh");
    assert_eq!(table.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_old_answer_serves_through_an_outage_and_not_for_ever() {
    let table = Table::saying(Says::Quota(BIG));
    let overrides = table.overrides().build().unwrap();
    fetch(&overrides, 1).await;
    table.say(Says::Fails);
    for _ in 0..65 {
        clock::advance(10 * SECOND).await;
        assert_eq!(known(&overrides, 1), BIG);
        clock::settle().await;
    }
    clock::advance(10 * SECOND).await;
    assert_eq!(fetch(&overrides, 1).await, None, "too old: the policy's own");
    assert!(overrides.counts().is_failing);
    table.say(Says::Quota(SMALL));
    clock::advance(SECOND).await;
    assert_eq!(fetch(&overrides, 1).await, SMALL);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_fails_is_left_alone_for_a_second_per_key() {
    let table = Table::saying(Says::Fails);
    let overrides = table.overrides().build().unwrap();
    assert_eq!(fetch(&overrides, 1).await, None);
    for _ in 0..100 {
        assert_eq!(known(&overrides, 1), None);
    }
    clock::advance(999 * MS).await;
    assert_eq!(known(&overrides, 1), None);
    clock::advance(MS).await;
    assert_eq!(fetch(&overrides, 1).await, None);
    assert_eq!((table.asked(), overrides.counts().failed), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_source_that_hangs_costs_a_quarter_of_a_second_and_no_more() {
    let table = Table::saying(Says::Hangs);
    let overrides = table.overrides().build().unwrap();
    let begin = Instant::now();
    let early = fetch(&overrides, 1);
    clock::advance(200 * MS).await;
    let late = fetch(&overrides, 1);
    assert_eq!((early.await, late.await), (None, None));
    assert_eq!(begin.elapsed(), 250 * MS);
    let counts = overrides.counts();
    assert_eq!((counts.timed_out, counts.failed, counts.asking), (1, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_source_that_hangs_holds_up_no_other_key() {
    let table = Table::saying(Says::Quota(BIG));
    let overrides = table.overrides().build().unwrap();
    fetch(&overrides, 1).await;
    table.say(Says::Hangs);
    let hanging = fetch(&overrides, 2);
    clock::settle().await;
    assert_eq!(known(&overrides, 1), BIG, "R-18: no lock is held while the source is asked");
    table.say(Says::Quota(SMALL));
    assert_eq!(fetch(&overrides, 3).await, SMALL);
    drop(hanging);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_panics_has_failed() {
    let table = Table::saying(Says::Panics);
    let overrides = table.overrides().build().unwrap();
    assert_eq!(fetch(&overrides, 1).await, None);
    assert_eq!((overrides.counts().failed, overrides.counts().asking), (1, 0));
    table.say(Says::Quota(BIG));
    assert_eq!(fetch(&overrides, 2).await, BIG);
}

#[tokio::test(start_paused = true)]
async fn a_quota_that_cannot_be_enforced_is_the_policys_own() {
    for invalid in [Quota::per_second(0), Quota::per_second(5).burst(0), Quota::per(1, Duration::MAX)] {
        let table = Table::saying(Says::Quota(Some(invalid)));
        let overrides = table.overrides().build().unwrap();
        assert_eq!(fetch(&overrides, 1).await, None, "{invalid:?}");
        assert_eq!(known(&overrides, 1), None, "{invalid:?}");
        assert_eq!(overrides.counts().invalid, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_unknown_keys_asks_for_a_bounded_number_at_once() {
    let table = Table::default();
    let overrides = table.overrides().build().unwrap();
    let mut waiting = Vec::new();
    for number in 0..1_000 {
        if let Lookup::Fetch(answer) = look(&overrides, number) {
            waiting.push(answer);
        }
    }
    let counts = overrides.counts();
    assert_eq!((waiting.len(), counts.asking, counts.crowded), (48, 48, 952), "a quarter is kept free");
    for answer in waiting {
        answer.await;
    }
    assert_eq!((table.asked(), overrides.counts().asking), (48, 0));
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_unknown_keys_does_not_keep_known_ones_from_being_refreshed() {
    let table = Table::saying(Says::Quota(BIG));
    let overrides = table.overrides().max_fetches(4).build().unwrap();
    fetch(&overrides, 1_000).await;
    clock::advance(60 * SECOND).await;
    table.say(Says::Hangs);
    let flood: Vec<_> = (0..10).map(|number| look(&overrides, number)).collect();
    assert_eq!(overrides.counts().asking, 3);
    table.say(Says::Quota(SMALL));
    assert_eq!(known(&overrides, 1_000), BIG);
    assert_eq!(overrides.counts().asking, 4);
    clock::settle().await;
    drop(flood);
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_unknown_keys_forgets_no_quota() {
    let table = Table::saying(Says::Quota(BIG));
    let overrides = table.overrides().capacity(10).build().unwrap();
    for number in 0..5 {
        fetch(&overrides, number).await;
    }
    table.say(Says::Nothing);
    for number in 100..200 {
        fetch(&overrides, number).await;
    }
    assert!((0..5).all(|number| known(&overrides, number) == BIG));
    let counts = overrides.counts();
    assert_eq!((counts.kept, counts.displaced), (10, 95));
}

#[tokio::test(start_paused = true)]
async fn that_the_source_fails_and_works_again_is_told_once() {
    let heard = Recorder::new();
    let table = Table::saying(Says::Fails);
    let overrides = table.overrides().observer(heard.clone()).build().unwrap();
    for number in 0..20 {
        fetch(&overrides, number).await;
    }
    table.say(Says::Nothing);
    fetch(&overrides, 20).await;
    clock::advance(60 * SECOND).await;
    for number in 21..30 {
        fetch(&overrides, number).await;
    }
    let told = [(Verdict::Changed, "overrides_failing"), (Verdict::Changed, "overrides_working")];
    assert_eq!(heard.verdicts(), told);
    assert_eq!(&*heard.entries()[0].instance, "per-tenant");
    assert!(!overrides.counts().is_failing);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_last_clone_ends_the_questions_and_those_who_wait_hear_of_it() {
    let table = Table::saying(Says::Hangs);
    let overrides = table.overrides().time_limit(10 * SECOND).build().unwrap();
    let waiting = fetch(&overrides, 1);
    clock::settle().await;
    drop(overrides);
    let begin = Instant::now();
    assert_eq!(waiting.await, None);
    assert_eq!(begin.elapsed(), Duration::ZERO);
}

#[test]
fn a_question_whose_runtime_stands_still_holds_nobody_up_and_is_asked_again() {
    let runtime =
        || tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let (stands_still, runs) = (runtime(), runtime());
    let table = Table::saying(Says::Quota(BIG));
    let overrides = table.overrides().build().unwrap();
    stands_still.block_on(async { drop(fetch(&overrides, 1)) });
    runs.block_on(async {
        let start = Instant::now();
        let answer = tokio::time::timeout(10 * SECOND, fetch(&overrides, 1)).await;
        assert_eq!((answer, start.elapsed()), (Ok(None), 250 * MS));
        sleep(250 * MS).await;
        assert_eq!(tokio::time::timeout(10 * SECOND, fetch(&overrides, 1)).await, Ok(BIG));
    });
    assert_eq!((overrides.counts().asked, overrides.counts().asking), (2, 0));
}

#[test]
fn questions_whose_runtime_stands_still_take_no_room_for_ever() {
    let runtime =
        || tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let (stands_still, runs) = (runtime(), runtime());
    let overrides = Table::saying(Says::Quota(BIG)).overrides().max_fetches(1).build().unwrap();
    stands_still.block_on(async { drop(fetch(&overrides, 1)) });
    runs.block_on(async {
        assert_eq!(known(&overrides, 2), None, "there is no room");
        sleep(500 * MS).await;
        assert_eq!(fetch(&overrides, 2).await, BIG);
    });
}

#[test]
fn without_a_runtime_the_policys_own_quota_applies() {
    let table = Table::saying(Says::Quota(BIG));
    let overrides = table.overrides().build().unwrap();
    let mut answer = tokio_test::task::spawn(fetch(&overrides, 1));
    assert_eq!(answer.poll(), std::task::Poll::Ready(None));
    assert_eq!((table.asked(), overrides.counts().failed), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_known_key_costs_no_allocation() {
    let overrides = Table::saying(Says::Quota(BIG)).overrides().build().unwrap();
    fetch(&overrides, 1).await;
    let (quota, report) = allocations_during(|| known(&overrides, 1));
    assert_eq!((quota, report.count), (BIG, 0));
}

#[test]
fn every_setting_that_is_out_of_range_is_named_with_its_value_and_range() {
    let error = Table::default()
        .overrides()
        .ttl(Duration::ZERO)
        .stale_for(Duration::MAX)
        .pause_after_error(3_601 * SECOND)
        .time_limit(11 * SECOND)
        .capacity(0)
        .max_fetches(10_001)
        .build()
        .unwrap_err();
    assert_eq!(error.problems().len(), 6, "{error}");
    assert!(
        error.to_string().starts_with("rate-limit: overrides.ttl is 0ns, allowed: 1 ms to 1 day; "),
        "{error}"
    );
}

#[test]
fn overrides_can_cross_threads() {
    fn crosses<T: Send + Sync + 'static>() {}
    fn moves<T: Send + 'static>() {}
    crosses::<Overrides>();
    crosses::<OverridesBuilder>();
    moves::<Lookup>();
}
