mod scoped;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::fmt;
use std::mem::{self, ManuallyDrop};

use crate::{Caller, CorrelationId, Deadline, Trail};
pub use scoped::Scoped;

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
