use std::any::Any;
use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::{BoxError, Outcome};

/// What a refusal means, whichever layer said it.
///
/// These are meanings and not layers, so a new layer needs no new kind. Over HTTP each has one status; the table
/// stands in `docs/status-codes.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The caller sends more than its share.
    RateLimited,
    /// This instance has no room at the moment.
    Overloaded,
    /// Something that the request needs is known to be out of order.
    Unavailable,
    /// The time allowed ran out.
    TimedOut,
    /// The request collides with another one that is still running.
    Conflict,
    /// The request contradicts what was said earlier under the same name.
    Mismatch,
    /// The request cannot be understood.
    Malformed,
}

impl Kind {
    /// Every kind, for tables and tests.
    pub const ALL: [Self; 7] = [
        Self::RateLimited,
        Self::Overloaded,
        Self::Unavailable,
        Self::TimedOut,
        Self::Conflict,
        Self::Mismatch,
        Self::Malformed,
    ];
}

/// One fact of a refusal that its caller may see, such as the limit that was hit.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Fact<'a> {
    /// A word or name.
    Text(&'a str),
    /// A count, or a number whose unit is in the fact's name.
    Number(u64),
    /// A list of words or names.
    Texts(&'a [&'a str]),
}

/// How a refusal is put where a protocol has words of its own for it. By default its kind says all there is to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wording {
    /// A status of HTTP, 400 to 599, that is more to the point than the one of the kind.
    pub status: Option<u16>,
    /// The problem type (RFC 9457) that the refusal is an instance of.
    pub problem: Option<ProblemType>,
    /// Whether the same request would be refused whenever it is sent, so that waiting does not help.
    pub is_final: bool,
}

/// A type of problem that is registered or documented somewhere (RFC 9457, section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProblemType {
    /// The URI that identifies it.
    pub uri: &'static str,
    /// What it is called.
    pub title: &'static str,
}

/// What one layer says when it refuses: four answers, and facts of its own.
///
/// [`Display`](fmt::Display) is the text for logs and may name instances and limits; [`public`](Self::public) is
/// the text for the caller and may not.
pub trait Rejection: Error + Any + Send + Sync {
    /// What the refusal means.
    fn kind(&self) -> Kind;

    /// A stable word for programs, in `snake_case`, such as `circuit_open`.
    fn code(&self) -> &'static str;

    /// The layer that refused, such as `circuit-breaker`.
    fn layer(&self) -> &'static str;

    /// When it makes sense to ask again, counted from now; `None` if the layer cannot tell.
    fn retry_after(&self) -> Option<Duration> {
        None
    }

    /// Whether the inner service had been called, so that the request may have had its effect.
    fn reached_inner(&self) -> bool;

    /// What the refusal says about the service behind the layer.
    ///
    /// Nothing, if the service was not reached. Of the refusals that came after, a timeout is a failure of the
    /// service, and everything else is the layer's own affair.
    fn outcome(&self) -> Outcome {
        if self.kind() == Kind::TimedOut && self.reached_inner() {
            Outcome::Failure
        } else {
            Outcome::Ignored
        }
    }

    /// The text for the caller: no host names, no instance names, no numbers that help an attacker.
    fn public(&self) -> Cow<'static, str>;

    /// How the refusal is put over HTTP, if its kind does not say enough.
    fn wording(&self) -> Wording {
        Wording::default()
    }

    /// Tells the facts that the caller may see, each under a `snake_case` name, or under the one that a standard has
    /// for it.
    fn facts(&self, tell: &mut dyn FnMut(&'static str, Fact<'_>)) {
        let _ = tell;
    }
}

/// A refusal as it crosses layers: the one concrete type that outer layers look for.
///
/// Over a client it is found in the error's chain of causes ([`Refused::in_error`]); over HTTP it is in the
/// extensions of the response. Cloning is one reference count.
#[derive(Clone)]
pub struct Refused(Arc<dyn Rejection>);

impl Refused {
    /// Wraps what a layer said; allocates once.
    pub fn new(rejection: impl Rejection) -> Self {
        Self(Arc::new(rejection))
    }

    /// What the refusal means.
    pub fn kind(&self) -> Kind {
        self.0.kind()
    }

    /// A stable word for programs, such as `circuit_open`.
    pub fn code(&self) -> &'static str {
        self.0.code()
    }

    /// The layer that refused.
    pub fn layer(&self) -> &'static str {
        self.0.layer()
    }

    /// When it makes sense to ask again, counted from the refusal.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after()
    }

    /// Whether the inner service had been called.
    pub fn reached_inner(&self) -> bool {
        self.0.reached_inner()
    }

    /// What the refusal says about the service behind the layer that refused.
    pub fn outcome(&self) -> Outcome {
        self.0.outcome()
    }

    /// The text for the caller.
    pub fn public(&self) -> Cow<'static, str> {
        self.0.public()
    }

    /// How the refusal is put over HTTP.
    pub fn wording(&self) -> Wording {
        self.0.wording()
    }

    /// Tells the facts that the caller may see.
    pub fn facts(&self, tell: &mut dyn FnMut(&'static str, Fact<'_>)) {
        self.0.facts(tell);
    }

    /// The layer's own refusal, if it is a `T`.
    pub fn downcast_ref<T: Rejection>(&self) -> Option<&T> {
        let any: &dyn Any = &*self.0;
        any.downcast_ref()
    }

    /// Finds a refusal in an error or among its causes, as [`find_cause`] does.
    pub fn in_error<E: 'static>(error: &E) -> Option<&Self> {
        find_cause(error)
    }

    /// Finds a refusal in a chain of causes, the error itself included.
    pub fn in_chain<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Self> {
        find_in_chain(error)
    }
}

/// Finds an error of type `T` in an error of any type, or among its causes.
///
/// Looks into boxed and shared errors and [`std::io::Error`] as well, up to 64 causes deep. An error type of your own
/// is looked into only if it *is* a `T`, because a type parameter cannot be asked whether it implements [`Error`].
pub fn find_cause<T: Error + 'static, E: 'static>(error: &E) -> Option<&T> {
    let any: &dyn Any = error;
    if let Some(found) = any.downcast_ref::<T>() {
        return Some(found);
    }
    let chain: Option<&(dyn Error + 'static)> = if let Some(boxed) = any.downcast_ref::<BoxError>() {
        Some(&**boxed)
    } else if let Some(boxed) = any.downcast_ref::<Box<dyn Error + Send>>() {
        Some(&**boxed)
    } else if let Some(boxed) = any.downcast_ref::<Box<dyn Error>>() {
        Some(&**boxed)
    } else if let Some(shared) = any.downcast_ref::<SharedError>() {
        Some(&**shared)
    } else {
        any.downcast_ref::<std::io::Error>().map(|io| io as _)
    };
    chain.and_then(find_in_chain)
}

/// The form in which errors that can be cloned keep their cause.
type SharedError = Arc<dyn Error + Send + Sync>;

/// More causes than any error has, and fewer than a chain that runs in a circle.
const DEEPEST: usize = 64;

fn find_in_chain<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    for _ in 0..DEEPEST {
        let error = next?;
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        next = hidden_in(error).or_else(|| error.source());
    }
    None
}

/// The error that another one wraps without being its cause.
fn hidden_in<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    if let Some(io) = error.downcast_ref::<std::io::Error>() {
        // Its `source` skips the error that it wraps and answers with that one's cause.
        return io.get_ref().map(|inner| inner as _);
    }
    if let Some(shared) = error.downcast_ref::<SharedError>() {
        return Some(&**shared);
    }
    error.downcast_ref::<Box<Refused>>().map(|boxed| &**boxed as _)
}

impl fmt::Debug for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Refused").field(&self.0).finish()
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Error for Refused {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug)]
    struct Shut;

    impl fmt::Display for Shut {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("door 7 is shut")
        }
    }

    impl Error for Shut {}

    impl Rejection for Shut {
        fn kind(&self) -> Kind {
            Kind::Unavailable
        }
        fn code(&self) -> &'static str {
            "shut"
        }
        fn layer(&self) -> &'static str {
            "door"
        }
        fn reached_inner(&self) -> bool {
            false
        }
        fn public(&self) -> Cow<'static, str> {
            "the door is shut".into()
        }
    }

    #[derive(Debug)]
    struct Outer(BoxError);

    impl fmt::Display for Outer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("outer")
        }
    }

    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&*self.0)
        }
    }

    #[test]
    fn a_refusal_is_found_wherever_it_is_wrapped() {
        let refused = || Refused::new(Shut);
        assert!(Refused::in_error(&refused()).is_some());
        let boxed: BoxError = refused().into();
        assert!(Refused::in_error(&boxed).is_some());
        let deep: BoxError = Outer(Outer(refused().into()).into()).into();
        assert!(Refused::in_error(&deep).is_some());
        assert!(Refused::in_error(&io::Error::other(refused())).is_some());
        let io_inside: BoxError = Outer(io::Error::other(Outer(refused().into())).into()).into();
        assert!(Refused::in_error(&io_inside).is_some());
        let sendable: Box<dyn Error + Send> = Box::new(refused());
        assert!(Refused::in_error(&sendable).is_some());
        let shared: SharedError = Arc::new(Outer(refused().into()));
        assert!(Refused::in_error(&shared).is_some());
        let shared_inside: BoxError = Outer(Box::new(shared)).into();
        assert!(Refused::in_error(&shared_inside).is_some());
        let twice_boxed: BoxError = Outer(Box::new(Box::new(refused()))).into();
        assert!(Refused::in_error(&twice_boxed).is_some());
    }

    #[derive(Debug)]
    struct Circle;

    impl fmt::Display for Circle {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("circle")
        }
    }

    impl Error for Circle {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(self)
        }
    }

    #[test]
    fn a_chain_that_runs_in_a_circle_comes_to_an_end() {
        let boxed: BoxError = Circle.into();
        assert!(Refused::in_error(&boxed).is_none());
    }

    #[test]
    fn another_error_is_no_refusal() {
        let boxed: BoxError = Outer("plain".into()).into();
        assert!(Refused::in_error(&boxed).is_none());
        assert!(Refused::in_error(&io::Error::from(io::ErrorKind::NotFound)).is_none());
        assert!(Refused::in_error(&7_u8).is_none());
    }

    #[test]
    fn the_layers_own_facts_survive_the_crossing() {
        let refused = Refused::new(Shut).clone();
        assert!(refused.downcast_ref::<Shut>().is_some());
        assert_eq!((refused.kind(), refused.code(), refused.layer()), (Kind::Unavailable, "shut", "door"));
        assert_eq!(refused.to_string(), "door 7 is shut");
        assert_eq!(refused.public(), "the door is shut");
        assert_eq!(refused.retry_after(), None);
    }
}
