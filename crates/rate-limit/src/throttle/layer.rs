use std::fmt;
use std::sync::Arc;

use buttress_core::AsError;
use tower_layer::Layer;

#[cfg(feature = "http")]
use super::authority::ByAuthority;
use super::builder::ThrottleBuilder;
use super::feedback::NoFeedback;
#[cfg(feature = "http")]
use super::http_feedback::HttpFeedback;
use super::key::OneKey;
use super::service::Throttle;
use super::state::ThrottleHandle;

/// Sends calls no faster than an upstream allows: what comes too early waits for its turn.
///
/// The state belongs to the layer value: every service made by the layer or by a clone of it goes by the same
/// timetables. `K` says which timetable a request belongs to, `L` what is learned from answers, `J` what a caller sees
/// of a refusal. The [module](crate::throttle) says how it works, and shows one in use.
pub struct ThrottleLayer<K, L, J> {
    core: Arc<Core<K, L, J>>,
}

/// What services and calls share.
#[derive(Clone)]
pub struct Core<K, L, J> {
    pub(super) throttle: ThrottleHandle,
    pub(super) key: K,
    pub(super) feedback: L,
    pub(super) reject: J,
}

#[cfg(feature = "http")]
impl ThrottleLayer<ByAuthority, HttpFeedback, AsError> {
    /// Begins to build a layer around an HTTP client: a timetable for each authority, feedback from the upstream's own
    /// fields, and a refusal is an error, which the client's error must be able to hold, as a boxed one is.
    pub fn outbound(name: impl Into<Arc<str>>) -> ThrottleBuilder<ByAuthority, HttpFeedback, AsError> {
        ThrottleBuilder::new(name.into(), ByAuthority, HttpFeedback::new(), AsError)
    }
}

impl ThrottleLayer<OneKey, NoFeedback, AsError> {
    /// Begins to build a layer for services that are not HTTP: one timetable, no feedback, and a refusal is an error.
    pub fn plain(name: impl Into<Arc<str>>) -> ThrottleBuilder<OneKey, NoFeedback, AsError> {
        ThrottleBuilder::new(name.into(), OneKey, NoFeedback, AsError)
    }
}

impl<K, L, J> ThrottleLayer<K, L, J> {
    pub(super) fn new(core: Core<K, L, J>) -> Self {
        Self { core: Arc::new(core) }
    }

    /// The handle to look at the throttle and to steer it.
    pub fn throttle(&self) -> &ThrottleHandle {
        &self.core.throttle
    }

    /// The same layer with timetables and a mode of its own.
    #[must_use]
    pub fn fresh(&self) -> Self
    where
        K: Clone,
        L: Clone,
        J: Clone,
    {
        Self::new(Core { throttle: self.core.throttle.fresh(), ..Core::clone(&self.core) })
    }
}

impl<S, K, L, J> Layer<S> for ThrottleLayer<K, L, J> {
    type Service = Throttle<S, K, L, J>;

    fn layer(&self, inner: S) -> Self::Service {
        Throttle::new(inner, Arc::clone(&self.core))
    }
}

impl<K, L, J> Clone for ThrottleLayer<K, L, J> {
    fn clone(&self) -> Self {
        Self { core: Arc::clone(&self.core) }
    }
}

impl<K, L, J> fmt::Debug for ThrottleLayer<K, L, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThrottleLayer").field("throttle", self.throttle()).finish_non_exhaustive()
    }
}

impl<K, L, J> fmt::Debug for Core<K, L, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core").field("throttle", &self.throttle).finish_non_exhaustive()
    }
}
