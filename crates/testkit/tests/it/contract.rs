use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use buttress_core::BoxError;
use buttress_testkit::Reply;
use buttress_testkit::contract::{self, Law, Plain, Suite, Wiring};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use tower::layer::layer_fn;
use tower::limit::GlobalConcurrencyLimitLayer;
use tower::retry::{Policy, RetryLayer};
use tower::timeout::TimeoutLayer;
use tower::util::{MapRequestLayer, MapResponseLayer};
use tower::{Service, ServiceBuilder};

use crate::toy::{Fault, ToyLayer};

/// The toy layer with everything told that the suite can be told.
fn toy(fault: Fault) -> Suite<ToyLayer, Plain> {
    contract::plain(move || ToyLayer::new(fault).at_most(40))
        .quiet(|layer| assert_eq!(layer.running(), 0, "calls counted as running"))
        .refusing(ToyLayer::shut)
        .refusing_leaves_inner_alone()
        .script("a response in time", |_| Reply::After(Duration::from_millis(3), Ok(1)))
}

#[test]
fn a_layer_without_fault_passes_every_law() {
    for fault in [Fault::None, Fault::ReadyInCall] {
        let suite = toy(fault);
        assert_eq!(suite.laws(), Law::ALL, "no law is left out in silence");
        suite.run();
    }
    contract::plain(|| ToyLayer::new(Fault::None).at_most(9)).refuses_after(9, |_| Reply::Ok(1)).run();
}

#[test]
fn each_fault_breaks_its_law_and_is_named() {
    let table = [
        (Fault::CallsUnreadyClone, Law::ReadyInstanceCalled, "which had not been polled ready"),
        (Fault::ParksReadyInstance, Law::ReadyInstanceCalled, "never woken again"),
        (Fault::CloneCopiesReadiness, Law::CloneUnready, "which had not been polled ready"),
        (Fault::WithdrawsReadiness, Law::ReadinessStable, "granted and then withdrawn at repeated poll 1"),
        (Fault::AsksMoreAndMore, Law::ReadinessStable, "raised the inner permits held from 2 to 5"),
        (Fault::SwallowsReadyWaker, Law::PendingInnerWakes, "became ready and the task was not woken"),
        (Fault::KeepsFirstReadyWaker, Law::PendingInnerWakes, "became ready and the task was not woken"),
        (Fault::SpinsForReadiness, Law::PendingReadinessSleeps, "woke itself in each of 4 polls"),
        (Fault::RenamesReadinessError, Law::ReadinessErrorUnchanged, "mark 5 became \"not ready\""),
        (
            Fault::ChangesRequest,
            Law::RequestUnchanged,
            "request with mark 60 the inner service saw [Some(61)]",
        ),
        (Fault::ChangesResponse, Law::ResponseUnchanged, "with mark 71 and not 70"),
        (Fault::RenamesError, Law::InnerErrorUnchanged, "mark 80 became \"layer failed"),
        (Fault::SwallowsAnswerWaker, Law::AnswerWakes, "answered and the task was not woken"),
        (Fault::SpinsInCall, Law::HangingCallSleeps, "woke itself in each of 4 polls"),
        (Fault::TicksInCall, Law::HangingCallSleeps, "woken more than 8 times in a second"),
        (Fault::CountsUntilAnswered, Law::DroppedFutureLeavesNothing, "calls counted as running"),
        (Fault::CountsUntilAnswered, Law::UnpolledFutureLeavesNothing, "calls counted as running"),
        (Fault::CountsFromFirstPoll, Law::UnpolledFutureLeavesNothing, "calls counted as running"),
        (Fault::LeaksOnPanic, Law::PanicLeavesNothing, "calls counted as running"),
        (Fault::DetachesTheCall, Law::DroppedFutureLeavesNothing, "1 inner calls still in flight"),
        (Fault::KeepsAnInstance, Law::DroppedServiceLeavesNothing, "1 inner instances still alive"),
        (Fault::TakesItsSlotWhenReady, Law::DroppedServiceLeavesNothing, "dropped while ready: the layer"),
        (Fault::TakesItsSlotToWait, Law::DroppedServiceLeavesNothing, "dropped while it waited"),
        (Fault::RefusesFromPollReady, Law::RefusalAnswersCall, "refused from `poll_ready`"),
        (Fault::RefusesByPending, Law::RefusalAnswersCall, "was not granted at poll 1"),
        (
            Fault::CallsThenRefuses,
            Law::RefusalLeavesInner,
            "a refused call reached the inner service (1 calls)",
        ),
        (Fault::AsksInnerToRefuse, Law::RefusalLeavesInner, "readiness"),
        (Fault::StateInService, Law::OneState, "still calls its inner service"),
    ];
    for law in Law::ALL {
        assert!(
            table.iter().any(|(_, broken, _)| *broken == law),
            "nothing shows that {law:?} can be broken"
        );
    }
    for (fault, law, saw) in table {
        let breaches = toy(fault).check();
        let breach = breaches.iter().find(|breach| breach.law == law);
        let told = breach.unwrap_or_else(|| panic!("{fault:?} did not break {law:?}: {breaches:?}"));
        assert!(told.saw.contains(saw), "{fault:?} was told as {:?}", told.saw);
    }
}

#[test]
fn a_fault_of_calls_breaks_no_law_of_refusals() {
    let broken: Vec<_> = toy(Fault::RenamesError).check().into_iter().map(|breach| breach.law).collect();
    assert_eq!(broken, [Law::InnerErrorUnchanged]);
    let broken: Vec<_> = toy(Fault::TicksInCall).check().into_iter().map(|breach| breach.law).collect();
    assert_eq!(broken, [Law::HangingCallSleeps]);
    let broken: Vec<_> =
        toy(Fault::RefusesFromPollReady).check().into_iter().map(|breach| breach.law).collect();
    assert!(!broken.contains(&Law::ResponseUnchanged), "{broken:?}");
}

#[test]
fn a_limit_kept_in_each_service_is_caught_by_traffic_alone() {
    let suite = contract::plain(|| ToyLayer::new(Fault::StateInService).at_most(9))
        .refuses_after(9, |_| Reply::Ok(1));
    let breaches = suite.check();
    assert!(breaches.iter().any(|breach| breach.law == Law::OneState), "{breaches:?}");
}

#[test]
fn an_exception_leaves_out_its_law_and_no_other() {
    let suite = toy(Fault::RenamesError).except(Law::InnerErrorUnchanged, "the toy renames errors");
    assert!(!suite.laws().contains(&Law::InnerErrorUnchanged));
    assert_eq!(suite.laws().len(), Law::ALL.len() - 1);
    suite.run();
}

#[test]
fn a_failing_run_tells_layer_law_and_what_was_seen() {
    let panic =
        std::panic::catch_unwind(|| toy(Fault::RenamesError).named("toy, enforcing").run()).unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(
        text.starts_with("toy, enforcing broke 1 of 18 laws:\n  - the inner error passes unchanged: "),
        "{text}"
    );
}

#[tokio::test]
#[should_panic(expected = "plain `#[test]`")]
async fn the_suite_says_that_it_brings_its_own_runtime() {
    toy(Fault::None).run();
}

#[test]
fn honest_layers_of_tower_pass() {
    contract::plain(tower::layer::util::Identity::new).run();
    contract::plain(|| TimeoutLayer::new(Duration::from_secs(30))).run();
    contract::plain(|| TimeoutLayer::new(Duration::from_millis(200))).run();
    contract::client(|| MapRequestLayer::new(|request: Request<Full<Bytes>>| request)).run();
    let slots = Arc::new(tokio::sync::Semaphore::new(1));
    let held = Arc::clone(&slots);
    contract::server(move || GlobalConcurrencyLimitLayer::with_semaphore(Arc::clone(&slots)))
        .quiet(move |_| assert_eq!(held.available_permits(), 1))
        .run();
    let stack = || {
        ServiceBuilder::new()
            .layer(TimeoutLayer::new(Duration::from_secs(1)))
            .layer(GlobalConcurrencyLimitLayer::new(2))
            .into_inner()
    };
    contract::client(stack).run();
}

type Boxed = BoxBody<Bytes, Infallible>;
type Changed = Wiring<Request<Full<Bytes>>, Request<Boxed>, Response<Full<Bytes>>, BoxError>;

#[test]
fn a_layer_may_change_the_bodies() {
    let change = || {
        ServiceBuilder::new()
            .layer(MapRequestLayer::new(|request: Request<Full<Bytes>>| request.map(BodyExt::boxed)))
            .layer(MapResponseLayer::new(|response: Response<Full<Bytes>>| response.map(BodyExt::boxed)))
            .into_inner()
    };
    Suite::<_, Changed>::new(change).run();
}

/// Tries a failed call twice more, after a wait.
#[derive(Clone)]
struct TwiceMore(u32);

impl<Res> Policy<u32, Res, BoxError> for TwiceMore {
    type Future = tokio::time::Sleep;

    fn retry(&mut self, _: &mut u32, result: &mut Result<Res, BoxError>) -> Option<Self::Future> {
        self.0 = self.0.checked_sub(u32::from(result.is_err()))?;
        result.is_err().then(|| tokio::time::sleep(Duration::from_secs(1)))
    }

    fn clone_request(&mut self, request: &u32) -> Option<u32> {
        Some(*request)
    }
}

#[test]
fn a_layer_that_calls_more_than_once_can_pass() {
    let first_fails = |call| if call == 0 { Reply::Err("once".into()) } else { Reply::Yields(2, Ok(1)) };
    contract::plain(|| RetryLayer::new(TwiceMore(2))).script("a retry", first_fails).run();
}

#[test]
fn requests_and_responses_can_be_adapted() {
    contract::server(|| layer_fn(|inner| inner))
        .request(|mut request| {
            *request.method_mut() = http::Method::PUT;
            request
        })
        .response(|mut response| {
            *response.status_mut() = StatusCode::CREATED;
            response
        })
        .run();
}

#[test]
fn a_response_that_lost_its_body_is_caught() {
    let empties = || {
        MapResponseLayer::new(|response: Response<Full<Bytes>>| response.map(|_| Full::<Bytes>::default()))
    };
    let breaches = contract::server(empties).check();
    let breach = breaches.iter().find(|breach| breach.law == Law::ResponseUnchanged).unwrap();
    assert!(breach.saw.contains("lost its mark"), "{breach}");
}

/// A layer's state in a mutex that is locked while the inner future is polled.
#[derive(Clone)]
struct Locks<S>(S, Arc<std::sync::Mutex<()>>);

impl<S: Service<u32, Future: Send + 'static>> Service<u32> for Locks<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    #[expect(clippy::disallowed_methods, reason = "a toy may allocate")]
    fn call(&mut self, request: u32) -> Self::Future {
        let lock = Arc::clone(&self.1);
        let mut call = Box::pin(self.0.call(request));
        Box::pin(std::future::poll_fn(move |cx| {
            let _locked = lock.lock().expect("unpoisoned");
            call.as_mut().poll(cx)
        }))
    }
}

#[test]
fn a_lock_that_a_panic_poisons_is_caught() {
    let lock = || {
        let state = Arc::new(std::sync::Mutex::new(()));
        layer_fn(move |inner| Locks(inner, Arc::clone(&state)))
    };
    let breaches = contract::plain(lock).check();
    assert_eq!(breaches.len(), 1, "{breaches:?}");
    assert_eq!(breaches[0].law, Law::PanicLeavesNothing);
    assert!(breaches[0].saw.contains("unpoisoned"), "{}", breaches[0]);
}
