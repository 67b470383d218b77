use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use buttress_core::{AsError, Checks, ConfigError, Deadline, Mode, ModeSwitch, Observer, Reject};
use buttress_http::deadline_of;
use http::{Extensions, Request};
use tower_layer::Layer;
use tower_service::Service;

use super::deadline_builder::MIN_USEFUL;
use super::forwarded::Forwarded;
use super::header::TimeoutHeader;
use super::limits::AttemptLimit;
use crate::face::Face;
use crate::rejection::LAYER;
use crate::{Bound, Phase, TimedOut, range, timer};

/// What the next service cannot use because the answer has to travel back.
const RESERVE: Duration = Duration::from_millis(10);
/// Nothing shorter can be said in the header.
const SHORTEST: Duration = Duration::from_millis(1);

/// Tells the next service how much time is left, and does not send a request for which too little is.
///
/// It stands innermost, inside the retries, so that each attempt says what is left then. A call without a deadline
/// is sent without the header, unless [`at_most`](ForwardDeadlineBuilder::at_most) says what it may take. See the
/// [crate documentation](crate).
#[derive(Debug)]
pub struct ForwardDeadlineLayer<J = AsError> {
    rules: Arc<ForwardRules<J>>,
}

/// What a layer and all its services go by.
#[derive(Clone, Debug)]
pub(super) struct ForwardRules<J> {
    share: Share,
    header: TimeoutHeader,
    pub(super) face: Face<J>,
}

/// What the next service gets of the time that is left.
#[derive(Clone, Copy, Debug)]
struct Share {
    reserve: Duration,
    min_useful: Duration,
    at_most: Option<Duration>,
}

impl Share {
    /// The share of a request that may bring a limit of its own for each attempt at it.
    fn for_request(self, extensions: &Extensions) -> Self {
        let own = extensions.get::<AttemptLimit>().map(|limit| limit.0.max(SHORTEST));
        Self { at_most: own.or(self.at_most), ..self }
    }

    /// The time to tell the next service, `None` if there is nothing to tell.
    fn of(&self, now: Instant, deadline: Option<Deadline>) -> Result<Option<Duration>, TimedOut> {
        let Some(deadline) = deadline else { return Ok(self.at_most) };
        let left = deadline.remaining(now);
        let useful = left.saturating_sub(self.reserve);
        if useful < self.min_useful.max(SHORTEST) {
            return Err(TimedOut::new(Phase::Arrival, Bound::Deadline, left, Duration::ZERO));
        }
        Ok(Some(self.at_most.map_or(useful, |most| most.min(useful))))
    }
}

impl ForwardDeadlineLayer {
    /// Begins a layer whose refusals are errors.
    pub fn builder() -> ForwardDeadlineBuilder {
        ForwardDeadlineBuilder(ForwardRules {
            share: Share { reserve: RESERVE, min_useful: MIN_USEFUL, at_most: None },
            header: TimeoutHeader::standard(),
            face: Face::new(Duration::MAX, AsError, "forward"),
        })
    }
}

impl<J> ForwardDeadlineLayer<J> {
    /// The switch between enforce, observe and off.
    pub fn mode(&self) -> &ModeSwitch {
        &self.rules.face.mode
    }

    /// The same layer with a mode switch of its own, in the present position.
    #[must_use]
    pub fn fresh(&self) -> Self
    where
        J: Clone,
    {
        let rules = ForwardRules::clone(&self.rules);
        Self { rules: Arc::new(ForwardRules { face: rules.face.fresh(), ..rules }) }
    }
}

impl<J> Clone for ForwardDeadlineLayer<J> {
    fn clone(&self) -> Self {
        Self { rules: Arc::clone(&self.rules) }
    }
}

impl<S, J> Layer<S> for ForwardDeadlineLayer<J> {
    type Service = ForwardDeadline<S, J>;

    fn layer(&self, inner: S) -> Self::Service {
        ForwardDeadline { inner, rules: Arc::clone(&self.rules) }
    }
}

/// Builds a [`ForwardDeadlineLayer`].
#[derive(Clone, Debug)]
#[must_use]
pub struct ForwardDeadlineBuilder<J = AsError>(ForwardRules<J>);

impl<J> ForwardDeadlineBuilder<J> {
    /// What is kept back of the time that is left, for the way. Default: 10 ms.
    pub fn reserve(self, reserve: Duration) -> Self {
        self.share(|share| Share { reserve, ..share })
    }

    /// The least that must be left after the reserve for the request to be sent. Default: 5 ms.
    pub fn min_useful(self, min_useful: Duration) -> Self {
        self.share(|share| Share { min_useful, ..share })
    }

    /// The most that the next service is told, such as the time limit of an attempt: what comes later is not waited
    /// for. An [`AttemptLimit`] in the request's extensions takes the place of this. Default: all that is left.
    pub fn at_most(self, at_most: Duration) -> Self {
        self.share(|share| Share { at_most: Some(at_most), ..share })
    }

    fn share(self, change: impl FnOnce(Share) -> Share) -> Self {
        Self(ForwardRules { share: change(self.0.share), ..self.0 })
    }

    /// The header that is written. Default: [`TimeoutHeader::standard`].
    pub fn header(self, header: TimeoutHeader) -> Self {
        Self(ForwardRules { header, ..self.0 })
    }

    /// The name of the layer in signals. Default: `forward`.
    pub fn name(self, name: impl Into<Arc<str>>) -> Self {
        Self(ForwardRules { face: self.0.face.named(name), ..self.0 })
    }

    /// A mode, or a switch that something else turns. Default: enforce.
    pub fn mode(self, mode: impl Into<ModeSwitch>) -> Self {
        Self(ForwardRules { face: self.0.face.in_mode(mode), ..self.0 })
    }

    /// Who hears of refusals. Default: nobody but the trail of the request.
    pub fn observer(self, observer: impl Observer) -> Self {
        Self(ForwardRules { face: self.0.face.observed_by(observer), ..self.0 })
    }

    /// How a refusal is said.
    pub fn reject_with<K>(self, reject: K) -> ForwardDeadlineBuilder<K> {
        let ForwardRules { share, header, face } = self.0;
        ForwardDeadlineBuilder(ForwardRules { share, header, face: face.rejecting(reject) })
    }

    /// The layer.
    ///
    /// # Errors
    ///
    /// Lists every setting outside its range: `reserve` and `min_useful` at most 10 s, `at_most` 1 ms to 1 day.
    pub fn build(self) -> Result<ForwardDeadlineLayer<J>, ConfigError> {
        let Share { reserve, min_useful, at_most } = self.0.share;
        let mut checks = Checks::of(LAYER);
        range::check_margin(&mut checks, "forward.reserve", reserve);
        range::check_margin(&mut checks, "forward.min_useful", min_useful);
        if let Some(at_most) = at_most {
            range::check_limit(&mut checks, "forward.at_most", at_most);
        }
        checks.finish()?;
        Ok(ForwardDeadlineLayer { rules: Arc::new(self.0) })
    }
}

/// A service that tells the next one how much time is left; made by [`ForwardDeadlineLayer`].
#[derive(Debug)]
pub struct ForwardDeadline<S, J = AsError> {
    inner: S,
    rules: Arc<ForwardRules<J>>,
}

impl<S: Clone, J> Clone for ForwardDeadline<S, J> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), rules: Arc::clone(&self.rules) }
    }
}

impl<S, J, B> Service<Request<B>> for ForwardDeadline<S, J>
where
    S: Service<Request<B>>,
    J: Reject<S::Response, S::Error>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Forwarded<S::Future, J>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        match self.rules.write(&mut request) {
            Ok(()) => Forwarded::sent(self.inner.call(request)),
            Err(late) => Forwarded::late(late, Arc::clone(&self.rules)),
        }
    }
}

impl<J> ForwardRules<J> {
    /// Writes what is left into the request, unless that is too little to send it.
    fn write<B>(&self, request: &mut Request<B>) -> Result<(), TimedOut> {
        let mode = self.face.mode.get();
        if mode == Mode::Off {
            return Ok(());
        }
        let extensions = request.extensions();
        let share = self.share.for_request(extensions);
        match (share.of(timer::now(), deadline_of(extensions)), mode) {
            (Err(late), Mode::Enforce) => return Err(late),
            (Err(late), _) => self.face.reporter.would_refuse(&late),
            (Ok(Some(left)), Mode::Enforce) => {
                request.headers_mut().insert(self.header.name().clone(), self.header.value(left));
            }
            // A header that somebody copied from elsewhere says nothing about this call.
            (Ok(None), Mode::Enforce) => drop(request.headers_mut().remove(self.header.name())),
            (Ok(_), _) => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_service_gets_what_is_left_minus_the_reserve() {
        let now = timer::now();
        let table = [
            // left, at most => told
            (None, None, Ok(None)),
            (None, Some(10_000), Ok(Some(10_000))),
            (Some(30_000), None, Ok(Some(29_990))),
            (Some(30_000), Some(10_000), Ok(Some(10_000))),
            (Some(5_000), Some(10_000), Ok(Some(4_990))),
            (Some(16), None, Ok(Some(6))),
            (Some(15), None, Ok(Some(5))),
            (Some(14), None, Err(14)),
            (Some(14), Some(1), Err(14)),
            (Some(10), None, Err(10)),
            (Some(0), None, Err(0)),
        ];
        for (left, at_most, expected) in table {
            let at_most = at_most.map(Duration::from_millis);
            let share = Share { reserve: RESERVE, min_useful: MIN_USEFUL, at_most };
            let told = share.of(now, left.map(|left| Deadline::after(now, Duration::from_millis(left))));
            let told = told.map_err(|late| late.limit());
            let expected: Result<Option<u64>, u64> = expected;
            let expected =
                expected.map(|told| told.map(Duration::from_millis)).map_err(Duration::from_millis);
            assert_eq!(told, expected, "{left:?} ms left, at most {at_most:?}");
        }
    }

    #[test]
    fn a_time_that_cannot_be_said_is_not_sent() {
        let now = timer::now();
        let share = Share { reserve: Duration::ZERO, min_useful: Duration::ZERO, at_most: None };
        let told = |micros| share.of(now, Some(Deadline::after(now, Duration::from_micros(micros))));
        assert_eq!(told(1_000), Ok(Some(Duration::from_millis(1))));
        assert!(told(999).is_err());
        assert!(told(0).is_err());
    }
}
