use std::future::Future;
use std::task::Poll;
use std::time::Duration;

use buttress_core::{Context, Deadline, Ratio};
use tokio::time::Instant;

use super::faulty::{FaultyDisk, numbers, records};
use super::until::until;
use crate::log::{AuditLog, AuditLogBuilder, Place, Policy, Recording, Then, WhenFull};
use crate::{Action, Category, Class, Durability, Event, NotRecorded, Reason, Recorder, Reservation};

const DATA: Class = Class::write(Category::Data);
const READS: Class = Class::read(Category::Data);
const AUTH: Class = Class::write(Category::Auth);
const SYSTEM: Class = Class::write(Category::System);

/// A log that has nothing to say about the room on the disk of whoever runs the tests.
fn builder(directory: &tempfile::TempDir) -> AuditLogBuilder {
    AuditLog::builder(directory).disk_low(Ratio::ZERO, 0).disk_critical(Ratio::ZERO)
}

/// A log with so many places, all of them taken; nothing of it is written until the disk is let go.
async fn full(directory: &tempfile::TempDir, places: usize) -> (AuditLog, FaultyDisk, Vec<Place>) {
    let disk = FaultyDisk::default();
    let builder = builder(directory).queue_events(places).wait_share(Ratio::ONE);
    let log = builder.open_on(disk.clone()).unwrap();
    let mut taken = Vec::new();
    for _ in 0..places {
        taken.push(log.reserve(DATA).await.unwrap());
    }
    (log, disk, taken)
}

fn numbered(number: u64) -> Event {
    Event::builder(Action::UPDATE).detail("number", number).build()
}

fn record(place: Place, number: u64) -> Recording {
    place.record(numbered(number))
}

/// Polls once, and says whether it is over.
async fn polled<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    std::future::poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

fn refusal(result: Result<Place, NotRecorded>) -> (Reason, bool) {
    let why = result.expect_err("there is no room");
    (why.reason, why.shed)
}

#[tokio::test(start_paused = true)]
async fn each_class_does_what_its_policy_says_when_there_is_no_room() {
    let directory = tempfile::tempdir().unwrap();
    let (log, _disk, taken) = full(&directory, 4).await;
    let mut began = Instant::now();
    let mut passed = || {
        let passed = began.elapsed();
        began = Instant::now();
        passed
    };
    assert_eq!(refusal(log.reserve(AUTH).await), (Reason::QueueFull, false));
    assert_eq!(refusal(log.reserve(SYSTEM).await), (Reason::QueueFull, true));
    assert_eq!(passed(), Duration::ZERO);
    assert_eq!(refusal(log.reserve(DATA).await), (Reason::QueueFull, false));
    assert_eq!(passed(), Duration::from_millis(250));
    assert_eq!(refusal(log.reserve(READS).await), (Reason::QueueFull, true));
    assert_eq!(passed(), Duration::from_millis(50));
    assert!(log.status().is_ready(), "a full queue passes");
    drop(taken);
    assert!(log.reserve(AUTH).await.is_ok());
    let totals = log.status().totals();
    assert_eq!((totals.emitted, totals.acknowledged, totals.shed, totals.failed), (4, 0, 2, 2));
    log.close().await;
    let found = records(directory.path());
    let gap = found.iter().find(|record| record.action() == "AUDIT_GAP").unwrap();
    assert_eq!(gap.event["details"]["count"], 2, "what was shed; what was refused has not happened");
    assert_eq!(gap.event["details"]["reasons"]["queue_full"], 2);
    assert_eq!(gap.event["details"]["categories"], serde_json::json!({ "data": 1, "system": 1 }));
}

/// Which share may be shed, of eight places; then how many of a flood are recorded, how many logins find room behind
/// it, and how many of the flood were refused although there was room.
const FLOODS: [(Option<u32>, usize, usize, u64); 4] =
    [(None, 6, 2, 14), (Some(50), 4, 4, 16), (Some(100), 8, 0, 0), (Some(1), 1, 7, 19)];

#[tokio::test(start_paused = true)]
async fn a_flood_of_what_may_be_lost_leaves_room_for_what_must_not_be() {
    for (share, recorded, logins, held_back) in FLOODS {
        let directory = tempfile::tempdir().unwrap();
        let disk = FaultyDisk::default();
        let builder = builder(&directory).queue_events(8);
        let builder =
            share.into_iter().fold(builder, |builder, share| builder.shed_share(Ratio::percent(share)));
        let log = builder.open_on(disk.clone()).unwrap();
        let mut taken = Vec::new();
        for number in 0..20 {
            // Half of it waits a while, which does not keep others from what is theirs either.
            taken.extend(log.reserve(if number % 2 == 0 { SYSTEM } else { READS }).await);
        }
        assert_eq!(taken.len(), recorded, "{share:?}");
        let status = log.status();
        assert_eq!((status.queued_sheddable, status.held_back), (recorded, held_back), "{share:?}");
        let mut waiting = std::pin::pin!(log.reserve(READS));
        assert!(polled(waiting.as_mut()).await.is_none());
        let mut found = Vec::new();
        while let Ok(place) = log.reserve(AUTH).await {
            found.push(place);
        }
        assert_eq!(found.len(), logins, "{share:?}");
        // A place is given back to whom it was taken from, also if its event is of another class.
        if let Some(place) = found.pop() {
            let access = Event::builder(Action::ACCESS_GRANTED).build();
            place.record(access).await.unwrap();
            assert!(log.reserve(AUTH).await.is_ok());
        }
        drop((taken, found));
        let status = log.status();
        // The one that waits has his place, and has not fetched it.
        assert_eq!((status.queued, status.queued_sheddable, status.waiting), (1, 1, 0), "{share:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_what_can_wait_leaves_room_for_what_is_refused_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let log = builder(&directory).queue_events(10).open_on(FaultyDisk::default()).unwrap();
    let mut taken = Vec::new();
    while let Ok(place) = log.reserve(READS).await {
        taken.push(place);
    }
    assert_eq!(taken.len(), 7, "what may be lost has its share");
    while let Ok(place) = log.reserve(DATA).await {
        taken.push(place);
    }
    assert_eq!(taken.len(), 9, "what can wait has what is left of its own");
    let mut waiting = std::pin::pin!(log.reserve(DATA));
    assert!(polled(waiting.as_mut()).await.is_none());
    let login = log.reserve(AUTH).await.expect("who waits does not stand in its way");
    assert_eq!(refusal(log.reserve(AUTH).await), (Reason::QueueFull, false));
    drop(login);
    assert!(polled(waiting.as_mut()).await.is_none(), "that place is not for him");
    taken.pop();
    assert!(polled(waiting.as_mut()).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn receipts_that_wait_for_sinks_keep_the_same_share_free() {
    let directory = tempfile::tempdir().unwrap();
    let one = Durability::Replicated(1.try_into().unwrap());
    let builder = builder(&directory).queue_events(4).shed_share(Ratio::percent(50));
    let builder = builder.policy(Category::System, Policy::new(one, WhenFull::Shed));
    let log = builder.policy(Category::Auth, Policy::new(one, WhenFull::FailRequest)).open().unwrap();
    let mut held = Vec::new();
    for (class, number) in [(SYSTEM, 1), (SYSTEM, 2), (AUTH, 3), (AUTH, 4)] {
        let action = if class == AUTH { Action::LOGIN } else { Action::SERVICE_STARTED };
        held.push(
            log.reserve(class).await.unwrap().record(Event::builder(action).detail("n", number).build()),
        );
        until(&log, "the receipt waits", |status| status.replicating == held.len()).await;
        if held.len() == 2 {
            assert_eq!(refusal(log.reserve(SYSTEM).await), (Reason::QueueFull, true));
        }
    }
    assert_eq!(refusal(log.reserve(AUTH).await), (Reason::QueueFull, false));
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_the_deadline_of_his_request() {
    let directory = tempfile::tempdir().unwrap();
    let (log, _disk, _taken) = full(&directory, 1).await;
    let began = Instant::now();
    let context = Context::new().with_deadline(Deadline::after(began.into_std(), Duration::from_millis(30)));
    assert_eq!(refusal(context.scope(log.reserve(DATA)).await), (Reason::QueueFull, false));
    assert_eq!(began.elapsed(), Duration::from_millis(30));
}

#[tokio::test(start_paused = true)]
async fn who_waits_gets_places_in_the_order_of_arrival_and_nobody_overtakes() {
    let directory = tempfile::tempdir().unwrap();
    let (log, _disk, mut taken) = full(&directory, 2).await;
    let mut first = std::pin::pin!(log.reserve(DATA));
    let mut second = std::pin::pin!(log.reserve(DATA));
    assert!(polled(first.as_mut()).await.is_none());
    assert!(polled(second.as_mut()).await.is_none());
    assert_eq!(log.status().waiting, 2);
    taken.pop();
    assert_eq!(refusal(log.reserve(AUTH).await).0, Reason::QueueFull, "the place is promised already");
    assert!(polled(second.as_mut()).await.is_none());
    let _first = polled(first.as_mut()).await.unwrap().unwrap();
    taken.pop();
    assert!(polled(second.as_mut()).await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn who_leaves_gives_up_his_turn_and_also_a_place_that_he_never_fetched() {
    let directory = tempfile::tempdir().unwrap();
    let (log, _disk, mut taken) = full(&directory, 1).await;
    {
        let mut waiting = std::pin::pin!(log.reserve(DATA));
        assert!(polled(waiting.as_mut()).await.is_none());
    }
    assert_eq!(log.status().waiting, 0);
    {
        let mut granted = std::pin::pin!(log.reserve(DATA));
        let mut next = std::pin::pin!(log.reserve(DATA));
        assert!(polled(granted.as_mut()).await.is_none());
        assert!(polled(next.as_mut()).await.is_none());
        taken.pop();
        assert_eq!(log.status().waiting, 1, "the first has it, and has not fetched it");
    }
    assert_eq!((log.status().queued, log.status().queued_bytes), (0, 0));
    assert_eq!(log.status().totals().emitted, 0, "nothing happened");
}

#[tokio::test(start_paused = true)]
async fn recording_into_a_place_needs_no_room_however_large_the_event_is() {
    let directory = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let builder = builder(&directory).queue_bytes(64 << 10).shed_share(Ratio::ONE);
    let log = builder.open_on(disk.clone()).unwrap();
    let mut taken = Vec::new();
    while let Ok(place) = log.reserve(SYSTEM).await {
        taken.push(place);
    }
    assert_eq!(taken.len(), 32, "each counts for 2 KiB until its event is known");
    disk.hold();
    let names: Vec<_> = (0..7).map(|number| format!("text{number}")).collect();
    let large =
        names.iter().fold(Event::builder(Action::UPDATE), |event, name| event.detail(name, "x ".repeat(950)));
    let large = large.build();
    let due: Vec<_> = taken.drain(..).map(|place| place.record(large.clone())).collect();
    assert!(log.status().queued_bytes > 64 << 10);
    assert_eq!(refusal(log.reserve(SYSTEM).await), (Reason::QueueFull, true), "for new ones the bound holds");
    disk.let_go();
    for due in due {
        due.await.unwrap();
    }
    assert_eq!((log.status().queued, log.status().queued_bytes), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_small_event_gives_back_what_its_place_had_too_much() {
    let directory = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let log = builder(&directory).queue_bytes(64 << 10).open_on(disk.clone()).unwrap();
    disk.hold();
    let mut due = Vec::new();
    while let Ok(place) = log.reserve(SYSTEM).await {
        due.push(record(place, due.len() as u64));
    }
    assert!(due.len() > 100, "{}", due.len());
    disk.let_go();
    for due in due {
        due.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn waiting_that_is_over_with_the_log_ends_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let (log, _disk, _taken) = full(&directory, 1).await;
    let mut waiting = std::pin::pin!(log.reserve(DATA));
    assert!(polled(waiting.as_mut()).await.is_none());
    log.close().await;
    assert_eq!(refusal(waiting.await), (Reason::Closed, false));
}

#[tokio::test(start_paused = true)]
async fn replicated_means_that_so_many_sinks_have_confirmed_it() {
    let directory = tempfile::tempdir().unwrap();
    let two = Durability::Replicated(2.try_into().unwrap());
    let policy = Policy::new(two, WhenFull::Block { limit: Duration::from_secs(1), then: Then::FailRequest });
    let log = builder(&directory).policy(Category::Data, policy).queue_events(8).wait_share(Ratio::ONE);
    let log = log.open().unwrap();
    let mut due = std::pin::pin!(record(log.reserve(DATA).await.unwrap(), 1));
    until(&log, "the receipt waits", |status| status.replicating == 1).await;
    log.confirm("one", 2);
    log.confirm("one", 2);
    log.confirm("two", 1);
    assert!(polled(due.as_mut()).await.is_none(), "one sink has it, however often it says so");
    assert_eq!(log.status().replicating, 1);
    log.confirm("two", 2);
    let receipt = due.await.unwrap();
    assert_eq!((receipt.seq, receipt.durability), (Some(2), two));
    // Sinks that stand still do not fill the memory, and do not keep others waiting.
    let mut held = Vec::new();
    for number in 0..8 {
        held.push(record(log.reserve(DATA).await.unwrap(), number));
        until(&log, "the receipt waits", |status| status.replicating == held.len()).await;
    }
    assert_eq!(refusal(log.reserve(DATA).await), (Reason::QueueFull, false));
    log.record(Event::builder(Action::LOGIN).build()).await.unwrap();
    // At the end they are told what is true.
    log.close().await;
    for held in held {
        assert_eq!(held.await.unwrap().durability, Durability::Synced);
    }
    let totals = log.status().totals();
    assert_eq!(totals.emitted, totals.acknowledged + totals.failed, "{totals:?}");
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_losses_makes_few_records_and_they_count_every_one() {
    let directory = tempfile::tempdir().unwrap();
    let (log, _disk, mut taken) = full(&directory, 2).await;
    taken.pop();
    let mut free = Some(log.reserve(DATA).await.unwrap());
    for number in 0..50 {
        for _ in 0..20 {
            assert_eq!(refusal(log.reserve(SYSTEM).await), (Reason::QueueFull, true));
        }
        record(free.take().unwrap(), number).await.unwrap();
        free = Some(log.reserve(DATA).await.unwrap());
    }
    drop((free, taken));
    log.close().await;
    let found = records(directory.path());
    let gaps: Vec<_> = found.iter().filter(|record| record.action() == "AUDIT_GAP").collect();
    assert!(gaps.len() < 40, "{}", gaps.len());
    assert_eq!(gaps.iter().map(|gap| gap.event["details"]["count"].as_u64().unwrap()).sum::<u64>(), 1_000);
    assert_eq!(numbers(directory.path()).len(), 50);
}
