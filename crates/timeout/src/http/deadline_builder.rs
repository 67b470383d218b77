use std::sync::Arc;
use std::time::Duration;

use buttress_core::{Checks, ConfigError, ModeSwitch, Observer};
use buttress_http::AsProblem;

use super::arrival::Grant;
use super::deadline::{DeadlineLayer, DeadlineRules};
use super::header::TimeoutHeader;
use super::trust::{Trust, WhenMalformed};
use crate::face::Face;
use crate::range;
use crate::rejection::LAYER;

const TOTAL: Duration = Duration::from_secs(30);
const MAX: Duration = Duration::from_secs(60);
/// With less than this, a request or a call is not worth beginning.
pub(super) const MIN_USEFUL: Duration = Duration::from_millis(5);

/// Builds a [`DeadlineLayer`].
#[derive(Clone, Debug)]
#[must_use]
pub struct DeadlineBuilder<J = AsProblem> {
    rules: DeadlineRules,
    /// `None` for the default, which follows `total`.
    max: Option<Duration>,
    face: Face<J>,
}

impl<J> DeadlineBuilder<J> {
    pub(super) fn new(reject: J, name: &'static str) -> Self {
        let rules = DeadlineRules {
            grant: Grant { max: MAX, min_useful: MIN_USEFUL },
            trust: Trust::nobody(),
            headers: Box::new([TimeoutHeader::standard(), TimeoutHeader::grpc(), TimeoutHeader::envoy()]),
            when_malformed: WhenMalformed::default(),
        };
        Self { rules, max: None, face: Face::new(TOTAL, reject, name) }
    }

    /// The time of a request that brings no [`TimeLimit`](crate::TimeLimit). Default: 30 s.
    pub fn total(self, total: Duration) -> Self {
        let face = Face { limit: total, ..self.face };
        Self { face, ..self }
    }

    /// The most that a [`TimeLimit`](crate::TimeLimit) may grant. Default: 60 s, or `total` if that is more.
    pub fn max(self, max: Duration) -> Self {
        Self { max: Some(max), ..self }
    }

    /// The least that must be left for a request to be begun. Default: 5 ms.
    pub fn min_useful(self, min_useful: Duration) -> Self {
        self.granting(|grant| Grant { min_useful, ..grant })
    }

    /// Whose headers may shorten the time. Default: nobody's.
    pub fn trust(self, trust: Trust) -> Self {
        Self { rules: DeadlineRules { trust, ..self.rules }, ..self }
    }

    /// The headers that are read. Default: [`standard`](TimeoutHeader::standard), [`grpc`](TimeoutHeader::grpc)
    /// and [`envoy`](TimeoutHeader::envoy).
    pub fn headers(self, headers: impl IntoIterator<Item = TimeoutHeader>) -> Self {
        Self { rules: DeadlineRules { headers: headers.into_iter().collect(), ..self.rules }, ..self }
    }

    /// What happens to a request whose header cannot be understood. Default: the header counts as absent.
    pub fn when_malformed(self, when_malformed: WhenMalformed) -> Self {
        Self { rules: DeadlineRules { when_malformed, ..self.rules }, ..self }
    }

    /// The name of the layer in signals. Default: `deadline`.
    pub fn name(self, name: impl Into<Arc<str>>) -> Self {
        Self { face: self.face.named(name), ..self }
    }

    /// A mode, or a switch that something else turns. Default: enforce.
    pub fn mode(self, mode: impl Into<ModeSwitch>) -> Self {
        Self { face: self.face.in_mode(mode), ..self }
    }

    /// Who hears of refusals and of malformed headers. Default: nobody but the trail of the request.
    pub fn observer(self, observer: impl Observer) -> Self {
        Self { face: self.face.observed_by(observer), ..self }
    }

    /// How a refusal is said.
    pub fn reject_with<K>(self, reject: K) -> DeadlineBuilder<K> {
        DeadlineBuilder { rules: self.rules, max: self.max, face: self.face.rejecting(reject) }
    }

    /// The layer.
    ///
    /// # Errors
    ///
    /// Lists every setting outside its range: `total` and `max` 1 ms to 1 day, `max` not below `total`,
    /// `min_useful` less than `total` and at most 10 s, and at most 8 headers.
    pub fn build(self) -> Result<DeadlineLayer<J>, ConfigError> {
        let (total, max, min_useful) = (self.face.limit, self.most(), self.rules.grant.min_useful);
        let mut checks = Checks::of(LAYER);
        range::check_limit(&mut checks, "deadline.total", total);
        range::check_limit(&mut checks, "deadline.max", max);
        checks.require(
            total <= max,
            "deadline.max",
            format_args!("{max:?}"),
            format!("at least total, {total:?}"),
        );
        range::check_margin(&mut checks, "deadline.min_useful", min_useful);
        checks.require(
            min_useful < total,
            "deadline.min_useful",
            format_args!("{min_useful:?}"),
            format!("less than total, {total:?}"),
        );
        checks.require(self.rules.headers.len() <= 8, "deadline.headers", self.rules.headers.len(), "0 to 8");
        checks.finish().map(|()| self.assemble())
    }

    /// The layer of settings that are known to be in range.
    pub(super) fn assemble(self) -> DeadlineLayer<J> {
        let max = self.most();
        let Self { rules, face, .. } = self.granting(|grant| Grant { max, ..grant });
        DeadlineLayer::new(rules, face)
    }

    fn most(&self) -> Duration {
        self.max.unwrap_or_else(|| MAX.max(self.face.limit))
    }

    fn granting(self, change: impl FnOnce(Grant) -> Grant) -> Self {
        Self { rules: DeadlineRules { grant: change(self.rules.grant), ..self.rules }, ..self }
    }
}
