use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use buttress_backoff::{Backoff, BackoffBuilder, InvalidBackoff};
use buttress_core::{Checks, ConfigError, Entropy, ModeSwitch, Observer};

use crate::schedule::note;
use crate::shared::{Core, Drain, LAYER};
use crate::{Budget, NotReady, Profile, RetryLayer, Schedule};

/// Settings for a [`RetryLayer`]; the table of them is on the [front page](crate#options).
#[must_use = "a builder does nothing until `build`"]
pub struct RetryBuilder<P, R> {
    name: Box<str>,
    policy: P,
    pub(crate) resend: R,
    schedule: Schedule,
    backoff: Option<Result<Backoff, InvalidBackoff>>,
    budget: Option<Budget>,
    entropy: Entropy,
    mode: ModeSwitch,
    observer: Option<Arc<dyn Observer>>,
    not_ready: NotReady,
    pub(crate) drain: Drain,
}

impl<P, R> RetryBuilder<P, R> {
    pub(crate) fn new(policy: P, resend: R) -> Self {
        Self {
            name: Box::default(),
            policy,
            resend,
            schedule: Schedule::default(),
            backoff: None,
            budget: None,
            entropy: Entropy::system(),
            mode: ModeSwitch::default(),
            observer: None,
            not_ready: NotReady::default(),
            drain: Drain { cap_bytes: 64 * 1024, within: Duration::from_millis(50) },
        }
    }

    /// The destination's name in signals and logs; empty by default.
    pub fn name(self, name: impl Into<Box<str>>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// Takes attempts, delays and limits from a profile; settings made after this one still change them.
    pub fn profile(self, profile: Profile) -> Self {
        self.schedule(profile.schedule())
    }

    /// Takes attempts, delays and limits from a schedule; settings made after this one still change them.
    pub fn schedule(self, schedule: Schedule) -> Self {
        Self { schedule, backoff: None, ..self }
    }

    /// Attempts in all, the first included; default 3, 1 to 100.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.schedule.max_attempts = attempts;
        self
    }

    /// The delays between attempts; default 100 ms doubling to 2 s, full jitter.
    pub fn backoff(self, backoff: BackoffBuilder) -> Self {
        Self { backoff: Some(backoff.build()), ..self }
    }

    /// The time since the first wait within which the last attempt must begin; none by default.
    pub fn max_elapsed(mut self, limit: Duration) -> Self {
        self.schedule.max_elapsed = Some(limit);
        self
    }

    /// The longest wait that a service may ask for; beyond it the call ends with the response that asks. Default
    /// 10 s, at most a day.
    pub fn retry_after_limit(mut self, limit: Duration) -> Self {
        self.schedule.retry_after_limit = limit;
        self
    }

    /// Tries only faults of connection and time again, whatever else the policy would retry.
    pub fn transient_only(mut self) -> Self {
        self.schedule.transient_only = true;
        self
    }

    /// The budget, to be shared with whatever else calls the same destination. By default the layer has its own.
    pub fn budget(self, budget: Budget) -> Self {
        Self { budget: Some(budget), ..self }
    }

    /// Where jitter is drawn from; by default chance that cannot be repeated.
    pub fn entropy(self, entropy: Entropy) -> Self {
        Self { entropy, ..self }
    }

    /// A mode, or a switch that something else turns. Default: enforce; observing, it says what it would repeat.
    pub fn mode(self, mode: impl Into<ModeSwitch>) -> Self {
        Self { mode: mode.into(), ..self }
    }

    /// Who hears of retries and of those given up.
    pub fn observer(self, observer: impl Observer) -> Self {
        Self { observer: Some(Arc::new(observer)), ..self }
    }

    /// What to do if the service is not ready after the wait; default [`NotReady::GiveUp`].
    pub fn when_not_ready(self, not_ready: NotReady) -> Self {
        Self { not_ready, ..self }
    }

    /// Another [`RetryPolicy`](crate::RetryPolicy).
    pub fn policy<P2>(self, policy: P2) -> RetryBuilder<P2, R> {
        self.with(|_, resend| (policy, resend))
    }

    /// Another [`Resend`](crate::Resend) strategy.
    pub fn resend<R2>(self, resend: R2) -> RetryBuilder<P, R2> {
        self.with(|policy, _| (policy, resend))
    }

    pub(crate) fn with<P2, R2>(self, parts: impl FnOnce(P, R) -> (P2, R2)) -> RetryBuilder<P2, R2> {
        let (policy, resend) = parts(self.policy, self.resend);
        RetryBuilder {
            name: self.name,
            policy,
            resend,
            schedule: self.schedule,
            backoff: self.backoff,
            budget: self.budget,
            entropy: self.entropy,
            mode: self.mode,
            observer: self.observer,
            not_ready: self.not_ready,
            drain: self.drain,
        }
    }

    /// The layer.
    ///
    /// # Errors
    ///
    /// Lists every setting that is out of range.
    pub fn build(mut self) -> Result<RetryLayer<P, R>, ConfigError> {
        let mut checks = Checks::of(LAYER);
        match self.backoff.take() {
            Some(Ok(backoff)) => self.schedule.backoff = backoff,
            Some(Err(invalid)) => note(&mut checks, &invalid),
            None => {}
        }
        self.schedule.check(&mut checks);
        self.check(&mut checks);
        checks.finish()?;
        let gate = Core::<P>::gate(&self.schedule, &self.mode);
        let core = Core {
            gate,
            name: self.name,
            policy: self.policy,
            schedule: self.schedule,
            budget: self.budget.unwrap_or_default(),
            entropy: self.entropy,
            mode: self.mode,
            observer: self.observer,
            not_ready: self.not_ready,
            drain: self.drain,
        };
        Ok(RetryLayer::new(core, self.resend))
    }

    fn check(&self, checks: &mut Checks) {
        let within = self.drain.within;
        let brief = within <= Duration::from_secs(10);
        checks.require(brief, "drain_for", format_args!("{within:?}"), "at most 10 s");
        if let NotReady::Wait(patience) = self.not_ready {
            let shown = format_args!("wait {patience:?}");
            checks.require(patience <= Backoff::MAX_CAP, "when_not_ready", shown, "a wait of at most 1 day");
        }
    }
}

impl<P: fmt::Debug, R: fmt::Debug> fmt::Debug for RetryBuilder<P, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryBuilder")
            .field("name", &self.name)
            .field("policy", &self.policy)
            .field("resend", &self.resend)
            .field("schedule", &self.schedule)
            .finish_non_exhaustive()
    }
}
