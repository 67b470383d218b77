//! Records what becomes of requests.

mod builder;
mod entry;
mod future;
mod handle;
mod judge;
mod patience;
mod rejection;
mod rule;
mod service;
mod steps;
mod tap;
mod trace_parent;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use buttress_core::{AsError, Mode, ModeSwitch, Observer, Signal, Verdict, WallClock};
use buttress_http::{AsProblem, ClientAddrResolver};
use http::request::Parts;
use tower_layer::Layer;

pub use self::builder::AuditBuilder;
pub use self::future::ResponseFuture;
pub use self::handle::AuditHandle;
pub use self::judge::Panicked;
pub use self::rejection::Unrecorded;
pub use self::rule::{Level, Rule};
pub use self::service::AuditService;
pub use self::tap::{AuditBody, Bodies, Heads, Tap};

use crate::event::Service;
use crate::record::Recorder;

/// The layer's name in signals, refusals and errors of configuration.
pub(crate) const LAYER: &str = "audit";

/// Records who asked for what, and what became of it; see the [crate documentation](crate).
///
/// The parameters are where it records (`R`), how a refusal is said (`J`) and whether it looks at bodies (`T`).
pub struct AuditLayer<R, J = AsProblem, T = Heads> {
    shared: Arc<Shared<R>>,
    reject: J,
    tap: T,
}

/// What all services of a layer have in common.
struct Shared<R> {
    recorder: R,
    name: Arc<str>,
    mode: ModeSwitch,
    observer: Option<Arc<dyn Observer>>,
    rules: Vec<Rule>,
    level: Level,
    route: Option<Arc<RouteOf>>,
    client: ClientAddrResolver,
    service: Option<Service>,
    wall_clock: WallClock,
    /// How long a receipt is waited for.
    receipt_time: Duration,
    /// Whether strangers ask through it.
    is_inbound: bool,
}

type RouteOf = dyn Fn(&Parts) -> Option<Arc<str>> + Send + Sync;

impl<R: Recorder> AuditLayer<R> {
    /// Begins a layer for requests that a server gets; a refusal is a problem document.
    pub fn inbound(recorder: R) -> AuditBuilder<R> {
        AuditBuilder::new(recorder, AsProblem::default(), true)
    }
}

impl<R: Recorder> AuditLayer<R, AsError> {
    /// Begins a layer for requests that a client sends; a refusal is an error.
    pub fn outbound(recorder: R) -> AuditBuilder<R, AsError> {
        AuditBuilder::new(recorder, AsError, false)
    }
}

impl<R, J, T> AuditLayer<R, J, T> {
    /// Where it records.
    pub fn recorder(&self) -> &R {
        &self.shared.recorder
    }

    /// The switch between enforce, observe and off.
    pub fn mode(&self) -> &ModeSwitch {
        &self.shared.mode
    }

    /// The same layer with a mode switch of its own, in the present position. It records in the same place.
    #[must_use]
    pub fn fresh(&self) -> Self
    where
        R: Clone,
        J: Clone,
        T: Clone,
    {
        let mode = ModeSwitch::new(self.shared.mode.get());
        let shared = Shared { mode, ..Shared::clone(&self.shared) };
        Self { shared: Arc::new(shared), reject: self.reject.clone(), tap: self.tap.clone() }
    }
}

impl<R> Shared<R> {
    fn tell(&self, verdict: Verdict, code: &'static str) {
        Signal::new(LAYER, &self.name, verdict, code).report(self.observer.as_deref());
    }

    fn enforces(&self) -> bool {
        self.mode.get() == Mode::Enforce
    }
}

impl<R: Clone> Clone for Shared<R> {
    fn clone(&self) -> Self {
        Self {
            recorder: self.recorder.clone(),
            name: Arc::clone(&self.name),
            mode: self.mode.clone(),
            observer: self.observer.clone(),
            rules: self.rules.clone(),
            level: self.level,
            route: self.route.clone(),
            client: self.client.clone(),
            service: self.service.clone(),
            wall_clock: self.wall_clock.clone(),
            receipt_time: self.receipt_time,
            is_inbound: self.is_inbound,
        }
    }
}

impl<R, J: Clone, T: Clone> Clone for AuditLayer<R, J, T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), reject: self.reject.clone(), tap: self.tap.clone() }
    }
}

impl<S, R, J: Clone, T: Clone> Layer<S> for AuditLayer<R, J, T> {
    type Service = AuditService<S, R, J, T>;

    fn layer(&self, inner: S) -> Self::Service {
        AuditService::new(inner, self.clone())
    }
}

impl<R, J, T> fmt::Debug for AuditLayer<R, J, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { name, mode, rules, level, .. } = &*self.shared;
        f.debug_struct("AuditLayer")
            .field("name", name)
            .field("mode", mode)
            .field("rules", rules)
            .field("level", level)
            .finish_non_exhaustive()
    }
}
