#![expect(clippy::disallowed_methods, reason = "clients are tasks, and each is awaited")]

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use buttress_core::Deadline;
use buttress_idempotency::testing::Sickness;
use buttress_idempotency::{Event, IdempotencyBuilder, StoreErrorKind};
use buttress_testkit::{clock, message};
use http::{HeaderMap, Request, Response};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tower::{Layer, ServiceExt, service_fn};

use crate::{Orders, Shop, builder, code, header, request, store};

const SECOND: Duration = Duration::from_secs(1);
/// What a store at the other end of a wire takes.
const LAG: Sickness = Sickness::Lags(Duration::from_millis(1));

#[derive(Debug)]
struct Answer {
    status: u16,
    code: String,
    body: String,
    headers: HeaderMap,
    took: Duration,
}

impl Answer {
    fn is_replay(&self) -> bool {
        self.status == 200 && self.headers.contains_key("idempotent-replayed")
    }

    fn is_in_flight(&self) -> bool {
        (self.status, self.code.as_str()) == (409, "idempotency_in_flight")
            && header(&self.headers, "retry-after") == Some("1")
    }
}

fn ask(router: &Router, request: Request<Body>) -> JoinHandle<Answer> {
    let (router, from) = (router.clone(), Instant::now());
    tokio::task::spawn(async move {
        let answer = message::send(&router, request).await;
        Answer {
            status: answer.status.as_u16(),
            code: code(&answer.body),
            body: String::from_utf8_lossy(&answer.body).into_owned(),
            headers: answer.headers,
            took: from.elapsed(),
        }
    })
}

fn same(router: &Router) -> JoinHandle<Answer> {
    ask(router, request("/orders", "k", "{}"))
}

async fn all(calls: impl IntoIterator<Item = JoinHandle<Answer>>) -> Vec<Answer> {
    let mut answers = Vec::new();
    for call in calls {
        answers.push(call.await.unwrap());
    }
    answers
}

fn waits(shop: &Arc<Shop>) -> IdempotencyBuilder<Shop> {
    builder(shop).wait(SECOND * 5)
}

#[tokio::test(start_paused = true)]
async fn duplicates_of_a_run_of_this_process_do_not_ask_the_store() {
    let (shop, orders) = (store(), Orders::default());
    let router = orders.router(&builder(&shop).build().unwrap());
    let answers = all((0..200).map(|_| same(&router)).collect::<Vec<_>>()).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_in_flight()).count(), 199);
    assert_eq!((shop.claims(), shop.steps(), orders.runs()), (1, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn who_waits_is_woken_by_the_run_and_one_asks_the_store_for_all() {
    let (shop, orders) = (store(), Orders::default());
    let layer = waits(&shop).build().unwrap();
    let router = orders.router(&layer);
    shop.fall_sick(LAG);
    let answers = all((0..10).map(|_| same(&router)).collect::<Vec<_>>()).await;
    let (replays, refused): (Vec<_>, Vec<_>) = answers[1..].iter().partition(|answer| answer.is_replay());
    assert_eq!((replays.len(), refused.len()), (8, 1), "so many wait for one run");
    assert!(replays.iter().all(|replay| replay.body == "order 1" && replay.took < SECOND + SECOND / 50));
    assert!(refused[0].is_in_flight() && refused[0].took < SECOND / 50);
    assert_eq!((orders.runs(), shop.claims(), shop.steps()), (1, 2, 1));
    let totals = layer.handle().stats().totals();
    assert_eq!((totals[Event::Waited], totals[Event::Replayed], totals[Event::InFlight]), (8, 8, 1));
}

#[tokio::test(start_paused = true)]
async fn so_many_wait_in_all() {
    let (shop, orders) = (store(), Orders::default());
    let router = orders.router(&waits(&shop).max_waiters(3).build().unwrap());
    let calls = ["a", "a", "a", "b", "b", "b"].map(|key| ask(&router, request("/orders", key, "{}")));
    let answers = all(calls).await;
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!((statuses, orders.runs()), (vec![200, 200, 200, 200, 200, 409], 2));
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_at_its_bound_or_at_the_deadline_of_the_request() {
    let (shop, orders) = (store(), Orders::default());
    let router = orders.router(&builder(&shop).wait(SECOND / 2).build().unwrap());
    let first = same(&router);
    clock::settle().await;
    let patient = same(&router);
    let mut hurried = request("/orders", "k", "{}");
    hurried.extensions_mut().insert(Deadline::after(Instant::now().into_std(), SECOND / 4));
    let mut late = request("/orders", "k", "{}");
    late.extensions_mut().insert(Deadline::at(Instant::now().into_std()));
    let answers = all([patient, ask(&router, hurried), ask(&router, late)]).await;
    let took: Vec<_> = answers.iter().map(|answer| answer.took.as_millis()).collect();
    assert!(answers.iter().all(Answer::is_in_flight));
    // Timers have a resolution of a millisecond.
    assert!((500..=501).contains(&took[0]) && (250..=251).contains(&took[1]) && took[2] == 0, "{took:?}");
    assert_eq!((first.await.unwrap().status, shop.claims()), (200, 1));
}

/// Fails at first, and works from then on; each run takes a second.
fn fails_once(layer: &buttress_idempotency::IdempotencyLayer<Shop>, runs: &Arc<AtomicUsize>) -> Router {
    let runs = Arc::clone(runs);
    let service = service_fn(move |_: Request<Body>| {
        let run = runs.fetch_add(1, Ordering::SeqCst) + 1;
        async move {
            tokio::time::sleep(SECOND).await;
            let status = if run == 1 { 500 } else { 200 };
            Ok::<_, Infallible>(
                Response::builder().status(status).body(Body::from(format!("run {run}"))).unwrap(),
            )
        }
    });
    Router::new().fallback_service(layer.layer(service))
}

#[tokio::test(start_paused = true)]
async fn after_a_run_that_may_be_repeated_one_of_those_who_wait_runs_and_the_others_wait_on() {
    let (shop, runs) = (store(), Arc::default());
    let router = fails_once(&waits(&shop).build().unwrap(), &runs);
    shop.fall_sick(LAG);
    let answers = all((0..4).map(|_| same(&router)).collect::<Vec<_>>()).await;
    let mut heard: Vec<_> =
        answers.iter().map(|answer| (answer.status, answer.body.as_str(), answer.is_replay())).collect();
    heard.sort_unstable();
    let (second, replay) = ((200, "run 2", false), (200, "run 2", true));
    assert_eq!(heard, [second, replay, replay, (500, "run 1", false)]);
    assert_eq!((runs.load(Ordering::SeqCst), shop.claims()), (2, 3));
}

#[tokio::test(start_paused = true)]
async fn who_leaves_while_he_waits_leaves_his_place_to_another() {
    let (shop, orders) = (store(), Orders::default());
    let layer = waits(&shop).max_waiters_per_key(1).build().unwrap();
    let router = orders.router(&layer);
    let first = same(&router);
    clock::settle().await;
    let left = same(&router);
    clock::settle().await;
    assert!(same(&router).await.unwrap().is_in_flight());
    left.abort();
    assert!(left.await.is_err());
    assert!(same(&router).await.unwrap().is_replay());
    assert_eq!((first.await.unwrap().status, layer.shutdown(Duration::ZERO).await), (200, 0));
    assert!(format!("{layer:?}").contains("Seats { taken: 0, waiting: 0, .. }"), "{layer:?}");
}

#[tokio::test(start_paused = true)]
async fn a_run_of_another_process_is_waited_for_by_one_who_asks_in_growing_pauses() {
    let (shop, orders) = (store(), Orders::default());
    let here = waits(&shop).build().unwrap();
    let (router, elsewhere) = (orders.router(&here), orders.router(&here.fresh()));
    let first = same(&elsewhere);
    clock::settle().await;
    let answers = all((0..8).map(|_| same(&router)).collect::<Vec<_>>()).await;
    assert!(answers.iter().all(|answer| answer.is_replay() && answer.body == "order 1"));
    assert!(answers.iter().all(|answer| answer.took < SECOND * 3), "a pause is 2 s at most");
    assert_eq!((first.await.unwrap().status, orders.runs()), (200, 1));
    assert!((3..30).contains(&shop.claims()), "{} claims", shop.claims());
}

#[tokio::test(start_paused = true)]
async fn when_the_one_who_asks_for_all_leaves_another_goes_on() {
    let (shop, orders) = (store(), Orders::default());
    let here = waits(&shop).build().unwrap();
    let (router, elsewhere) = (orders.router(&here), orders.router(&here.fresh()));
    let first = same(&elsewhere);
    clock::settle().await;
    let leader = same(&router);
    clock::settle().await;
    let other = same(&router);
    clock::advance(SECOND / 10).await;
    leader.abort();
    assert!(other.await.unwrap().is_replay());
    assert_eq!((first.await.unwrap().status, orders.runs()), (200, 1));
}

#[tokio::test(start_paused = true)]
async fn who_asks_for_all_gives_up_for_himself_alone() {
    let (shop, orders) = (store(), Orders::default());
    let here = waits(&shop).build().unwrap();
    let (router, elsewhere) = (orders.router(&here), orders.router(&here.fresh()));
    let first = same(&elsewhere);
    clock::settle().await;
    let mut hurried = request("/orders", "k", "{}");
    hurried.extensions_mut().insert(Deadline::after(Instant::now().into_std(), SECOND / 4));
    let hurried = ask(&router, hurried);
    clock::settle().await;
    let patient = same(&router);
    let (hurried, patient) = (hurried.await.unwrap(), patient.await.unwrap());
    assert!(hurried.is_in_flight() && hurried.took < SECOND / 3);
    assert!(patient.is_replay(), "{patient:?}");
    assert_eq!((first.await.unwrap().status, orders.runs()), (200, 1));
}

#[tokio::test(start_paused = true)]
async fn another_request_under_the_key_waits_for_nobody_and_is_told_nothing() {
    let (shop, orders) = (store(), Orders::default());
    let router = orders.router(&waits(&shop).build().unwrap());
    let first = same(&router);
    clock::settle().await;
    let other = ask(&router, request("/orders", "k", "{ }")).await.unwrap();
    assert_eq!(
        (other.status, other.code.as_str(), other.took),
        (422, "idempotency_key_reused", Duration::ZERO)
    );
    assert_eq!((first.await.unwrap().status, orders.runs(), shop.claims()), (200, 1, 2));
}

#[tokio::test(start_paused = true)]
async fn what_the_store_says_is_said_to_all_who_ask_the_same_meanwhile() {
    let (shop, orders) = (store(), Orders::default());
    let router = orders.router(&builder(&shop).build().unwrap());
    same(&router).await.unwrap();
    shop.fall_sick(Sickness::Lags(SECOND / 10));
    let answers = all((0..20).map(|_| same(&router)).collect::<Vec<_>>()).await;
    assert!(answers.iter().all(Answer::is_replay));
    assert_eq!(shop.claims(), 2);
    let wrong =
        all((0..20).map(|_| ask(&router, request("/orders", "k", "wrong"))).collect::<Vec<_>>()).await;
    assert!(wrong.iter().all(|answer| answer.status == 422), "I-11");
    assert_eq!(shop.claims(), 3);
    shop.fall_sick(Sickness::Fails(StoreErrorKind::ScopeFull));
    assert_eq!(same(&router).await.unwrap().status, 429);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_is_asked_for_one_of_those_who_ask_the_same() {
    let (shop, orders) = (store(), Orders::default());
    let router = orders.router(&builder(&shop).build().unwrap());
    shop.fall_sick(Sickness::Hangs);
    let calls: Vec<_> = (0..20).map(|_| same(&router)).collect();
    clock::until(SECOND, || calls.iter().all(JoinHandle::is_finished)).await;
    assert_eq!((shop.claims() - 1, orders.runs()), (2, 0), "the first, once more, and one behind");
    assert!(all(calls).await.iter().all(|answer| answer.code == "idempotency_store_unavailable"));
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_while_the_store_is_asked_holds_nobody_up() {
    let (shop, orders) = (store(), Orders::default());
    let layer = waits(&shop).build().unwrap();
    let router = orders.router(&layer);
    shop.fall_sick(Sickness::Lags(SECOND / 10));
    let leaver = same(&router);
    clock::settle().await;
    let other = same(&router);
    clock::advance(SECOND / 20).await;
    leaver.abort();
    let other = other.await.unwrap();
    assert_eq!((other.status, other.body.as_str(), orders.runs()), (200, "order 1", 1));
    assert_eq!(layer.shutdown(SECOND).await, 0);
}

/// Does something whenever it is woken, at once.
struct OnWake<F>(F);

impl<F: Fn() + Send + Sync> Wake for OnWake<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_has_the_answer_can_ask_again_at_once() {
    let service = Orders::default().router(&builder(&store()).build().unwrap());
    let (again, heard) =
        (std::sync::Mutex::new(service.clone()), Arc::new(std::sync::Mutex::new(Vec::new())));
    let statuses = Arc::clone(&heard);
    let waker = Waker::from(Arc::new(OnWake(move || {
        let mut call = pin!(again.lock().unwrap().clone().oneshot(request("/orders", "k", "{}")));
        if let Poll::Ready(Ok(answer)) = call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            statuses.lock().unwrap().push(answer.status().as_u16());
        }
    })));
    let mut call = pin!(service.oneshot(request("/orders", "k", "{}")));
    assert!(call.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    clock::settle().await;
    heard.lock().unwrap().clear();
    clock::advance(SECOND).await;
    assert_eq!(*heard.lock().unwrap(), [200], "a replay, from within the very call that woke him");
}

#[tokio::test(start_paused = true)]
async fn who_joins_does_not_depend_on_one_who_is_not_polled() {
    let (shop, orders) = (store(), Orders::default());
    let router = orders.router(&builder(&shop).build().unwrap());
    shop.fall_sick(LAG);
    let mut idle = pin!(router.clone().oneshot(request("/orders", "k", "{}")));
    assert!(idle.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    let other = same(&router).await.unwrap();
    assert!(other.is_in_flight() && other.took < SECOND, "{other:?}");
    assert_eq!((idle.await.unwrap().status().as_u16(), orders.runs()), (200, 1));
}

#[test]
fn whoever_waits_needs_places_and_an_end() {
    let settings =
        builder(&store()).wait(SECOND * 301).max_waiters(10).max_requests(10).max_waiters_per_key(0);
    let error = settings.build().unwrap_err();
    let fields: Vec<_> = error.problems().iter().map(buttress_core::Problem::field).collect();
    assert_eq!(fields, ["wait", "max_waiters", "max_waiters_per_key"]);
}
