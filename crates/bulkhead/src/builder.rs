use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use buttress_core::{Checks, ConfigError, ModeSwitch, Observer};

use crate::Bulkhead;
use crate::limit::Limit;
use crate::rules::{LAYER, Rules};

/// The longest name, in characters.
const NAME_MAX: usize = 128;
const MOST_WAITING: u32 = 50_000;
const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
const MAX_WAIT: Duration = Duration::from_secs(1);

/// Builds a [`Bulkhead`]; begun by [`Bulkhead::builder`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct BulkheadBuilder {
    name: Arc<str>,
    max_concurrent: u32,
    /// `None` if nobody asked for a queue.
    max_waiting: Option<u32>,
    /// `None` if nobody named a time.
    max_wait: Option<Duration>,
    /// Of these, what can be wrong stands above until `checked`.
    rules: Rules,
}

impl BulkheadBuilder {
    pub(crate) fn new(name: Arc<str>) -> Self {
        let rules = Rules {
            instance: Arc::clone(&name),
            mode: ModeSwitch::default(),
            observer: None,
            max_waiting: 0,
            max_wait: MAX_WAIT,
            retry_after: Duration::from_secs(1),
        };
        Self { name, max_concurrent: 100, max_waiting: None, max_wait: None, rules }
    }

    /// How many calls may run at once, from 1 to 1,000,000. Default: 100.
    pub fn max_concurrent(mut self, calls: u32) -> Self {
        self.max_concurrent = calls;
        self
    }

    /// Lets so many calls wait for a permit, first come first, from 1 to 50,000. Default: none waits, and a call that
    /// finds no room is refused at once.
    pub fn queue(mut self, calls: u32) -> Self {
        self.max_waiting = Some(calls);
        self
    }

    /// How long a call may wait in the [`queue`](Self::queue), from 1 ms to 1 day. Default: 1 s.
    pub fn max_wait(mut self, time: Duration) -> Self {
        self.max_wait = Some(time);
        self
    }

    /// When a caller who was refused is told to ask again, from 1 ms to 1 day. Default: 1 s.
    pub fn retry_after(mut self, time: Duration) -> Self {
        self.rules.retry_after = time;
        self
    }

    /// A mode, or a switch that something else turns. Default: [`Mode::Enforce`](buttress_core::Mode::Enforce).
    pub fn mode(mut self, mode: impl Into<ModeSwitch>) -> Self {
        self.rules.mode = mode.into();
        self
    }

    /// Who hears its signals. Default: nobody.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.rules.observer = Some(Arc::new(observer));
        self
    }

    /// Builds the bulkhead.
    ///
    /// # Errors
    ///
    /// Every setting that is out of range, the name included: 1 to 128 characters, none of them a control character.
    pub fn build(self) -> Result<Bulkhead, ConfigError> {
        let mut checks = Checks::of(LAYER);
        let (name, limit, rules) = self.checked(&mut checks);
        checks.finish().map(|()| Bulkhead::assemble(name, limit, Arc::new(rules)))
    }

    /// Everything that a bulkhead is made of, fit for use only if the checks find nothing.
    pub(crate) fn checked(self, checks: &mut Checks) -> (Arc<str>, Limit, Rules) {
        let Self { name, max_concurrent, max_waiting, max_wait, rules } = self;
        let allowed = "1 to 128 characters, none of them a control character";
        checks.require(is_name(&name), "name", format_args!("{name:?}"), allowed);
        let limit = Limit::checked(max_concurrent, checks);
        if let Some(queue) = max_waiting {
            checks.require((1..=MOST_WAITING).contains(&queue), "queue", queue, "1 to 50,000");
        }
        if let Some(wait) = max_wait {
            check_time(checks, "max_wait", wait);
            checks.require(max_waiting.is_some(), "queue", "not set", "1 to 50,000 where max_wait is set");
        }
        check_time(checks, "retry_after", rules.retry_after);
        let max_waiting = max_waiting.unwrap_or(0);
        (name, limit, Rules { max_waiting, max_wait: max_wait.unwrap_or(MAX_WAIT), ..rules })
    }
}

fn check_time(checks: &mut Checks, field: &'static str, time: Duration) {
    let usable = (SHORTEST..=LONGEST).contains(&time);
    checks.require(usable, field, format_args!("{time:?}"), "1 ms to 1 day");
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().count() <= NAME_MAX && !name.chars().any(char::is_control)
}

/// A name for the bulkhead of a key, whatever the key's text is made of.
pub(crate) fn name_of_key(all: &str, key: &impl fmt::Display) -> Arc<str> {
    let name = format!("{all}/{key}");
    let plain = |character: char| if character.is_control() { '_' } else { character };
    name.chars().map(plain).take(NAME_MAX).collect::<String>().into()
}
