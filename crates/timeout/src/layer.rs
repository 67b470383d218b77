use std::sync::Arc;
use std::time::Duration;

use buttress_core::{AsError, Checks, ConfigError, ModeSwitch, Observer};
use tower_layer::Layer;

use crate::face::Face;
use crate::on_timeout::Settings;
use crate::rejection::LAYER;
use crate::{Cancel, FromContext, Timeout, range};

/// Gives every call one time limit; see the [crate documentation](crate).
///
/// The parameters are how a refusal is said (`J`), what a request says about its own time (`T`) and what becomes
/// of a call that is too slow (`O`). Clones share the mode; [`fresh`](Self::fresh) does not.
#[derive(Debug)]
pub struct TimeoutLayer<J = AsError, T = FromContext, O = Cancel> {
    pub(crate) time_of: T,
    pub(crate) on_timeout: O,
    pub(crate) face: Arc<Face<J>>,
}

impl TimeoutLayer {
    /// Begins a layer for any service whose error can hold a refusal, as a boxed error can.
    pub fn builder(limit: Duration) -> TimeoutBuilder {
        TimeoutBuilder { time_of: FromContext, on_timeout: Cancel, face: Face::new(limit, AsError, "") }
    }
}

impl<J, T, O> TimeoutLayer<J, T, O> {
    /// The time limit of a call that brings none of its own.
    pub fn limit(&self) -> Duration {
        self.face.limit
    }

    /// The switch between enforce, observe and off.
    pub fn mode(&self) -> &ModeSwitch {
        &self.face.mode
    }

    /// The same layer with a mode switch of its own, in the present position.
    #[must_use]
    pub fn fresh(&self) -> Self
    where
        J: Clone,
        T: Clone,
        O: Clone,
    {
        Self { face: Arc::new(self.face.fresh()), ..self.clone() }
    }
}

impl<J, T: Clone, O: Clone> Clone for TimeoutLayer<J, T, O> {
    fn clone(&self) -> Self {
        let Self { time_of, on_timeout, face } = self;
        Self { time_of: time_of.clone(), on_timeout: on_timeout.clone(), face: Arc::clone(face) }
    }
}

impl<S, J, T: Clone, O: Clone> Layer<S> for TimeoutLayer<J, T, O> {
    type Service = Timeout<S, J, T, O>;

    fn layer(&self, inner: S) -> Self::Service {
        Timeout::new(inner, self.clone())
    }
}

/// Builds a [`TimeoutLayer`].
#[derive(Clone, Debug)]
#[must_use]
pub struct TimeoutBuilder<J = AsError, T = FromContext, O = Cancel> {
    time_of: T,
    on_timeout: O,
    face: Face<J>,
}

impl<J, T, O> TimeoutBuilder<J, T, O> {
    /// The time limit of a call that brings none of its own.
    pub fn limit(self, limit: Duration) -> Self {
        Self { face: Face { limit, ..self.face }, ..self }
    }

    /// The name of the layer in signals, such as `total` or `attempt`. Default: empty.
    pub fn name(self, name: impl Into<Arc<str>>) -> Self {
        Self { face: self.face.named(name), ..self }
    }

    /// A mode, or a switch that something else turns. Default: enforce.
    pub fn mode(self, mode: impl Into<ModeSwitch>) -> Self {
        Self { face: self.face.in_mode(mode), ..self }
    }

    /// Who hears of refusals. Default: nobody but the trail of the request.
    pub fn observer(self, observer: impl Observer) -> Self {
        Self { face: self.face.observed_by(observer), ..self }
    }

    /// How a refusal is said.
    pub fn reject_with<K>(self, reject: K) -> TimeoutBuilder<K, T, O> {
        let Self { time_of, on_timeout, face } = self;
        TimeoutBuilder { time_of, on_timeout, face: face.rejecting(reject) }
    }

    /// What a request says about its own time.
    pub fn time_of_with<U>(self, time_of: U) -> TimeoutBuilder<J, U, O> {
        let Self { on_timeout, face, .. } = self;
        TimeoutBuilder { time_of, on_timeout, face }
    }

    /// What becomes of a call that is too slow. Default: [`Cancel`].
    pub fn on_timeout<P>(self, on_timeout: P) -> TimeoutBuilder<J, T, P> {
        let Self { time_of, face, .. } = self;
        TimeoutBuilder { time_of, on_timeout, face }
    }

    /// The layer.
    ///
    /// # Errors
    ///
    /// If the limit is not between 1 ms and 1 day, or what `on_timeout` was given cannot be used.
    pub fn build(self) -> Result<TimeoutLayer<J, T, O>, ConfigError>
    where
        O: Settings,
    {
        let Self { time_of, on_timeout, face } = self;
        let mut checks = Checks::of(LAYER);
        range::check_limit(&mut checks, "limit", face.limit);
        on_timeout.check(&mut checks);
        checks.finish()?;
        Ok(TimeoutLayer { time_of, on_timeout, face: Arc::new(face) })
    }
}
