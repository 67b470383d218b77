use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use buttress_core::{Checks, ConfigError, Mode, ModeSwitch, Observer, WallClock};
use buttress_http::{AsProblem, ClientAddrResolver};
use http::request::Parts;

use super::rule::{Level, Rule};
use super::tap::{Bodies, Heads, sealed::Sealed};
use super::{AuditLayer, LAYER, Shared};
use crate::event::Service;

/// Longer than a disk takes that works, and shorter than a caller waits.
const RECEIPT_TIME: Duration = Duration::from_secs(5);
const RECEIPT_TIMES: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(3_600);

/// More rules than any program has.
const MAX_RULES: usize = 256;

/// Builds an [`AuditLayer`].
#[must_use = "a builder does nothing until `build`"]
pub struct AuditBuilder<R, J = AsProblem, T = Heads> {
    shared: Shared<R>,
    reject: J,
    tap: T,
}

impl<R, J> AuditBuilder<R, J> {
    pub(super) fn new(recorder: R, reject: J, is_inbound: bool) -> Self {
        let shared = Shared {
            recorder,
            name: "".into(),
            mode: ModeSwitch::new(Mode::Enforce),
            observer: None,
            rules: Vec::new(),
            level: Level::default(),
            route: None,
            client: ClientAddrResolver::default(),
            service: None,
            wall_clock: WallClock::system(),
            receipt_time: RECEIPT_TIME,
            is_inbound,
        };
        Self { shared, reject, tap: Heads }
    }
}

impl<R, J, T> AuditBuilder<R, J, T> {
    /// The name of the layer in signals. Default: empty.
    pub fn name(self, name: impl Into<Arc<str>>) -> Self {
        Self { shared: Shared { name: name.into(), ..self.shared }, ..self }
    }

    /// A mode, or a switch that something else turns. Default: enforce.
    pub fn mode(self, mode: impl Into<ModeSwitch>) -> Self {
        Self { shared: Shared { mode: mode.into(), ..self.shared }, ..self }
    }

    /// Who hears of requests that could not be recorded. Default: nobody but the trail of the request.
    pub fn observer(self, observer: impl Observer) -> Self {
        Self { shared: Shared { observer: Some(Arc::new(observer)), ..self.shared }, ..self }
    }

    /// How a refusal is said.
    pub fn reject_with<K>(self, reject: K) -> AuditBuilder<R, K, T> {
        AuditBuilder { shared: self.shared, reject, tap: self.tap }
    }

    /// One more rule. The first that applies to a request is the one for it.
    pub fn rule(mut self, rule: Rule) -> Self {
        self.shared.rules.push(rule);
        self
    }

    /// How much is recorded where no rule says so. Default: [`Level::Metadata`].
    pub fn level(self, level: Level) -> Self {
        Self { shared: Shared { level, ..self.shared }, ..self }
    }

    /// How to find the template of a request's route. Default: it is not known, unless the handler says it.
    ///
    /// With Axum, of a layer that the router itself has:
    ///
    /// ```
    /// use axum::extract::MatchedPath;
    /// use buttress_audit::{AuditLayer, MemoryRecorder};
    ///
    /// let layer = AuditLayer::inbound(MemoryRecorder::new())
    ///     .route_with(|head| head.extensions.get::<MatchedPath>().map(|route| route.as_str().into()))
    ///     .build()?;
    /// # Ok::<(), buttress_core::ConfigError>(())
    /// ```
    pub fn route_with(self, route: impl Fn(&Parts) -> Option<Arc<str>> + Send + Sync + 'static) -> Self {
        Self { shared: Shared { route: Some(Arc::new(route)), ..self.shared }, ..self }
    }

    /// How the address of the client is found; the same rules as everywhere. Default: it is the peer.
    pub fn client_addr(self, client: ClientAddrResolver) -> Self {
        Self { shared: Shared { client, ..self.shared }, ..self }
    }

    /// Which program the records are of. Default: they do not say.
    pub fn service(self, service: Service) -> Self {
        Self { shared: Shared { service: Some(service), ..self.shared }, ..self }
    }

    /// The calendar that records are dated by. Default: the system's.
    pub fn wall_clock(self, wall_clock: WallClock) -> Self {
        Self { shared: Shared { wall_clock, ..self.shared }, ..self }
    }

    /// How long the receipt of a record is waited for: 1 ms to 1 h. Default: 5 s.
    ///
    /// A disk that hangs keeps no request for longer. One whose class fails closed is refused then, or its answer kept
    /// back; others are answered, and the observer hears `audit_lost`. The event is on its way still: once the disk
    /// goes on it is recorded.
    pub fn receipt_time(self, longest: Duration) -> Self {
        Self { shared: Shared { receipt_time: longest, ..self.shared }, ..self }
    }

    /// Lets rules look at the bodies of requests. The inner service then gets an [`AuditBody`](super::AuditBody).
    pub fn with_bodies(self) -> AuditBuilder<R, J, Bodies> {
        AuditBuilder { shared: self.shared, reject: self.reject, tap: Bodies }
    }

    /// The layer.
    ///
    /// # Errors
    ///
    /// If a rule would keep requests out of the log that must be in it (actions of auth, admin, config and security), if
    /// a level asks for bodies without [`with_bodies`](Self::with_bodies) or for more than 64 KiB of them, if a path
    /// does not begin with a slash, if there are more than 256 rules, or if `receipt_time` is out of range.
    pub fn build(self) -> Result<AuditLayer<R, J, T>, ConfigError>
    where
        T: Sealed,
    {
        let Self { shared, reject, tap } = self;
        let mut checks = Checks::of(LAYER);
        let receipt_time = shared.receipt_time;
        let fits = RECEIPT_TIMES.contains(&receipt_time);
        checks.require(fits, "receipt_time", format_args!("{receipt_time:?}"), "1 ms to 1 h");
        checks.require(shared.rules.len() <= MAX_RULES, "rules", shared.rules.len(), "at most 256");
        Rule::check_all(&shared.rules, shared.level, T::READS_BODIES, &mut checks);
        checks.finish()?;
        Ok(AuditLayer { shared: Arc::new(shared), reject, tap })
    }
}

impl<R, J, T> fmt::Debug for AuditBuilder<R, J, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { rules, level, .. } = &self.shared;
        f.debug_struct("AuditBuilder").field("rules", rules).field("level", level).finish_non_exhaustive()
    }
}
