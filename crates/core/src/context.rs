use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::mem::{self, ManuallyDrop};
use std::num::NonZeroU32;
use std::pin::Pin;
use std::task::{self, Poll};

use pin_project_lite::pin_project;

use crate::{Caller, CorrelationId, Deadline, Trail};

/// What is known of the request that is being worked on, visible to all code polled inside its scope.
///
/// The same values also travel as plain values in the extensions of an HTTP request, which a handler reads. The
/// scope is for code that holds no request: an outbound client called three functions deep, a library without
/// HTTP. It follows the future and not the thread, so it survives every `.await`; a task spawned inside it starts
/// without it unless the context is carried over (`buttress_correlation_id::spawn` does).
///
/// # Cost
///
/// Entering and leaving swaps 72 bytes with a thread-local at each poll. Cloning copies them, and counts a reference
/// for the trail, for the caller and for a correlation ID of more than 38 bytes.
#[derive(Clone, Default)]
pub struct Context {
    correlation_id: Option<CorrelationId>,
    deadline: Option<Deadline>,
    trail: Option<Trail>,
    caller: Option<Caller>,
}

thread_local! {
    // Outside all scopes it is empty, so a thread that ends has nothing to drop, and need not watch for its end.
    static CURRENT: RefCell<ManuallyDrop<Context>> = const { RefCell::new(ManuallyDrop::new(Context::new())) };
}

impl Context {
    /// A context that knows nothing.
    pub const fn new() -> Self {
        Self { correlation_id: None, deadline: None, trail: None, caller: None }
    }

    /// The context of the scope that is being polled; empty outside any scope.
    #[inline]
    pub fn current() -> Self {
        Self::with_current(Self::clone)
    }

    /// The current context under another correlation ID; the one that it has is not even cloned.
    #[inline]
    pub fn current_with_id(id: CorrelationId) -> Self {
        let (deadline, trail, caller) =
            Self::with_current(|current| (current.deadline, current.trail.clone(), current.caller.clone()));
        Self { correlation_id: Some(id), deadline, trail, caller }
    }

    /// Looks at the current context without cloning it.
    ///
    /// Called from inside another `look`, it shows the same context. Entering a scope from inside `look` has no
    /// effect on what is current.
    #[inline]
    pub fn with_current<T>(look: impl FnOnce(&Self) -> T) -> T {
        CURRENT.with(|current| match current.try_borrow() {
            Ok(current) => look(&current),
            Err(_) => look(&Self::new()), // it is borrowed for change only while nobody can look
        })
    }

    /// The ID of the flow of work, if one was taken or minted.
    pub fn correlation_id(&self) -> Option<&CorrelationId> {
        self.correlation_id.as_ref()
    }

    /// The moment by which the answer is needed, if there is one.
    pub fn deadline(&self) -> Option<Deadline> {
        self.deadline
    }

    /// The trail on which layers leave their verdicts, if anybody listens.
    pub fn trail(&self) -> Option<&Trail> {
        self.trail.as_ref()
    }

    /// Where a layer outside learns who asks, if one wants to know.
    pub fn caller(&self) -> Option<&Caller> {
        self.caller.as_ref()
    }

    /// The same context under another correlation ID.
    #[must_use]
    #[inline]
    pub fn with_correlation_id(self, id: CorrelationId) -> Self {
        Self { correlation_id: Some(id), ..self }
    }

    /// The same context with a deadline; an earlier one stays in force.
    #[must_use]
    pub fn with_deadline(self, deadline: Deadline) -> Self {
        let deadline = self.deadline.map_or(deadline, |earlier| earlier.earlier(deadline));
        Self { deadline: Some(deadline), ..self }
    }

    /// The same context without a deadline, for work that must outlive the request.
    #[must_use]
    pub fn without_deadline(self) -> Self {
        Self { deadline: None, ..self }
    }

    /// The same context with a trail to leave verdicts on.
    #[must_use]
    pub fn with_trail(self, trail: Trail) -> Self {
        Self { trail: Some(trail), ..self }
    }

    /// The same context with a place to say who asks.
    #[must_use]
    pub fn with_caller(self, caller: Caller) -> Self {
        Self { caller: Some(caller), ..self }
    }

    /// Runs a closure with this context as the current one.
    pub fn run<T>(self, work: impl FnOnce() -> T) -> T {
        let mut context = self;
        context.lend(work)
    }

    /// Like [`run`](Self::run), and the context is there again afterwards: for a service that makes a future in the
    /// context that it will be polled in, and for a future that lends its context out at every poll.
    #[inline]
    pub fn lend<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let _entered = Entered::new(self);
        work()
    }

    /// Makes this the current context whenever the future is polled or dropped.
    #[inline]
    pub fn scope<F>(self, future: F) -> Scoped<F> {
        Scoped { context: self, inner: Some(future) }
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("correlation_id", &self.correlation_id)
            .field("deadline", &self.deadline)
            .field("trail", &self.trail)
            .field("caller", &self.caller)
            .finish()
    }
}

/// Which attempt at the same call a request is, counted from 1; retries put it in the request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attempt(NonZeroU32);

impl Attempt {
    /// The first attempt.
    pub const FIRST: Self = Self(NonZeroU32::MIN);

    /// The number of the attempt, from 1.
    pub fn number(self) -> u32 {
        self.0.get()
    }

    /// The attempt after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

pin_project! {
    /// A future that is polled and dropped with its [`Context`] as the current one.
    #[must_use = "futures do nothing unless polled"]
    pub struct Scoped<F> {
        context: Context,
        #[pin]
        inner: Option<F>,
    }

    impl<F> PinnedDrop for Scoped<F> {
        fn drop(this: Pin<&mut Self>) {
            // What the future reports while it is dropped belongs to this request too.
            let mut this = this.project();
            if this.inner.is_some() {
                let _entered = Entered::new(this.context);
                this.inner.set(None);
            }
        }
    }
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let inner = &mut this.inner;
        this.context.lend(|| {
            let Some(future) = inner.as_mut().as_pin_mut() else {
                return Poll::Pending; // polled again after it was ready
            };
            let polled = future.poll(cx);
            if polled.is_ready() {
                inner.set(None);
            }
            polled
        })
    }
}

impl<F> fmt::Debug for Scoped<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scoped").field("context", &self.context).finish_non_exhaustive()
    }
}

/// Swaps a context in, and out again on drop, also when the code in between panics.
struct Entered<'a>(&'a mut Context);

impl<'a> Entered<'a> {
    #[inline]
    fn new(context: &'a mut Context) -> Self {
        swap(context);
        Self(context)
    }
}

impl Drop for Entered<'_> {
    #[inline]
    fn drop(&mut self) {
        swap(self.0);
    }
}

#[inline]
fn swap(context: &mut Context) {
    CURRENT.with(|current| {
        // Fails only while a `with_current` runs.
        if let Ok(mut current) = current.try_borrow_mut() {
            mem::swap(&mut **current, context);
        }
    });
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::pin::pin;
    use std::task::Waker;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::{Principal, Signal, Verdict};

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
}
