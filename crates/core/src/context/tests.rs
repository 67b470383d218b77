use std::cell::RefCell;
use std::future::Future;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{self, Poll, Waker};
use std::time::{Duration, Instant};

use super::Context;
use crate::{Caller, CorrelationId, Deadline, Principal, Signal, Trail, Verdict};

fn named(name: &str) -> Context {
    Context::new().with_correlation_id(CorrelationId::new(name).expect("a valid name"))
}

fn current_name() -> Option<String> {
    Context::with_current(|context| context.correlation_id().map(ToString::to_string))
}

fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut task::Context::from_waker(Waker::noop()))
}

#[test]
fn scopes_nest_and_end() {
    named("outer").run(|| {
        assert_eq!(current_name().as_deref(), Some("outer"));
        named("inner").run(|| assert_eq!(current_name().as_deref(), Some("inner")));
        assert_eq!(current_name().as_deref(), Some("outer"));
    });
    assert_eq!(current_name(), None);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "any instant will do")]
fn the_current_context_under_another_id_keeps_all_the_rest() {
    let (trail, caller, deadline) = (Trail::new(), Caller::unknown(), Deadline::at(Instant::now()));
    let outer = named("outer").with_deadline(deadline);
    let outer = outer.with_trail(trail.clone()).with_caller(caller.clone());
    let id = CorrelationId::new("inner").expect("a valid name");
    let heard = outer.run(|| Context::current_with_id(id)).run(|| {
        Signal::new("retry", "", Verdict::Retried, "status").report(None);
        assert_eq!(Context::current().deadline(), Some(deadline));
        assert_eq!(current_name().as_deref(), Some("inner"));
        Principal::user("u-1").announce()
    });
    assert!(heard && caller.principal().is_some());
    assert_eq!(trail.entries().len(), 1);
}

#[test]
fn two_futures_polled_in_turn_keep_their_own_context() {
    let names = |times: usize| async move {
        for _ in 0..times {
            assert_ne!(current_name(), None);
            let mut yielded = false;
            std::future::poll_fn(|_| {
                if mem::replace(&mut yielded, true) { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
        }
        current_name()
    };
    let mut one = pin!(named("one").scope(names(1)));
    let mut two = pin!(named("two").scope(names(1)));
    assert!(poll_once(one.as_mut()).is_pending());
    assert!(poll_once(two.as_mut()).is_pending());
    assert_eq!(current_name(), None);
    assert_eq!(poll_once(one.as_mut()), Poll::Ready(Some("one".to_owned())));
    assert_eq!(poll_once(two.as_mut()), Poll::Ready(Some("two".to_owned())));
}

#[test]
fn a_future_can_be_made_and_polled_in_one_context() {
    let made_in = |name: Option<String>| async move { (name, current_name()) };
    let mut context = named("both");
    let future = context.lend(|| made_in(current_name()));
    let mut future = pin!(context.scope(future));
    assert_eq!(current_name(), None);
    let both = (Some("both".to_owned()), Some("both".to_owned()));
    assert_eq!(poll_once(future.as_mut()), Poll::Ready(both));
}

#[test]
fn a_panic_ends_the_scope() {
    let panicked = catch_unwind(AssertUnwindSafe(|| named("gone").run(|| panic!("on purpose"))));
    assert!(panicked.is_err());
    assert_eq!(current_name(), None);
}

#[test]
fn a_context_that_is_lent_comes_back_even_after_a_panic() {
    let mut context = named("lent");
    assert_eq!(context.lend(current_name).as_deref(), Some("lent"));
    let panicked = catch_unwind(AssertUnwindSafe(|| context.lend(|| panic!("on purpose"))));
    assert!(panicked.is_err());
    assert_eq!(context.correlation_id().map(CorrelationId::as_str), Some("lent"));
    assert_eq!(current_name(), None);
}

#[test]
fn whoever_looks_at_a_context_can_look_again_and_change_nothing() {
    named("seen").run(|| {
        let again = Context::with_current(|_| {
            named("other").run(|| assert_eq!(current_name().as_deref(), Some("seen")));
            current_name()
        });
        assert_eq!((again.as_deref(), current_name().as_deref()), (Some("seen"), Some("seen")));
    });
}

#[test]
fn a_future_dropped_halfway_is_dropped_inside_its_scope() {
    struct Leaves<'a>(&'a RefCell<Option<String>>);
    impl Drop for Leaves<'_> {
        fn drop(&mut self) {
            *self.0.borrow_mut() = current_name();
        }
    }
    let seen = RefCell::new(None);
    {
        let leaves = Leaves(&seen);
        let mut future = pin!(named("dropped").scope(async {
            let _leaves = leaves;
            std::future::pending::<()>().await;
        }));
        assert!(poll_once(future.as_mut()).is_pending());
    }
    assert_eq!(seen.take().as_deref(), Some("dropped"));
    assert_eq!(current_name(), None);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "any instant will do")]
fn a_deadline_is_never_lengthened() {
    let now = Instant::now();
    let (near, far) = (Deadline::at(now), Deadline::after(now, Duration::from_secs(1)));
    assert_eq!(Context::new().with_deadline(near).with_deadline(far).deadline(), Some(near));
    assert_eq!(Context::new().with_deadline(far).with_deadline(near).deadline(), Some(near));
    assert_eq!(Context::new().with_deadline(far).without_deadline().deadline(), None);
}
