use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use buttress_core::{Checks, ConfigError, Entropy, ModeSwitch, Observer, WallClock};

use crate::rules::{LAYER, Rules};
use crate::spread::parallelism;
use crate::{Breaker, BreakerConfig};

/// The longest name, in characters.
const NAME_MAX: usize = 128;

/// Builds a [`Breaker`]; begun by [`Breaker::builder`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct BreakerBuilder {
    config: BreakerConfig,
    parts: Parts,
}

/// What a breaker is made of beside its rules.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) name: Arc<str>,
    /// What signals call it; for one breaker of many, the name of all of them, so that labels stay few.
    pub(crate) instance: Arc<str>,
    pub(crate) mode: ModeSwitch,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    pub(crate) wall: WallClock,
    pub(crate) entropy: Entropy,
    /// How many threads may count without meeting.
    pub(crate) shards: NonZeroUsize,
}

impl BreakerBuilder {
    pub(crate) fn new(name: Arc<str>) -> Self {
        let parts = Parts {
            instance: Arc::clone(&name),
            name,
            mode: ModeSwitch::default(),
            observer: None,
            wall: WallClock::system(),
            entropy: Entropy::system(),
            shards: parallelism(),
        };
        Self { config: BreakerConfig::new(), parts }
    }

    /// The settings. Default: [`BreakerConfig::new`].
    pub fn config(mut self, config: BreakerConfig) -> Self {
        self.config = config;
        self
    }

    /// A mode, or a switch that something else turns. Default: [`Mode::Enforce`](buttress_core::Mode::Enforce).
    pub fn mode(mut self, mode: impl Into<ModeSwitch>) -> Self {
        self.parts.mode = mode.into();
        self
    }

    /// Who hears its signals. Default: nobody.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.parts.observer = Some(Arc::new(observer));
        self
    }

    /// The chance that open times are drawn by. Default: the system's.
    pub fn entropy(mut self, entropy: Entropy) -> Self {
        self.parts.entropy = entropy;
        self
    }

    /// The calendar that snapshots name times by. Default: the system's.
    pub fn wall_clock(mut self, wall: WallClock) -> Self {
        self.parts.wall = wall;
        self
    }

    /// Builds the breaker.
    ///
    /// # Errors
    ///
    /// Every setting that is out of range, the name included: 1 to 128 characters, none of them a control
    /// character.
    pub fn build(self) -> Result<Breaker, ConfigError> {
        let mut checks = Checks::of(LAYER);
        let (rules, parts) = self.checked(&mut checks);
        checks.finish().map(|()| Breaker::assemble(Arc::new(rules), parts))
    }

    pub(crate) fn name(&self) -> &str {
        &self.parts.name
    }

    /// Everything that a breaker is made of, fit for use only if the checks find nothing.
    pub(crate) fn checked(self, checks: &mut Checks) -> (Rules, Parts) {
        let allowed = "1 to 128 characters, none of them a control character";
        checks.require(is_name(&self.parts.name), "name", format_args!("{:?}", self.parts.name), allowed);
        (Rules::checked(&self.config, checks), self.parts)
    }
}

impl Parts {
    /// The same parts for a breaker that shares nothing, not even the switch.
    pub(crate) fn fresh(&self) -> Self {
        Self { mode: ModeSwitch::new(self.mode.get()), ..self.clone() }
    }

    /// The same parts under another name; signals go on to carry the old one.
    pub(crate) fn named(&self, name: Arc<str>) -> Self {
        Self { name, ..self.clone() }
    }
}

pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().count() <= NAME_MAX && !name.chars().any(char::is_control)
}

/// A name for the breaker of a key, whatever the key's text is made of.
pub(crate) fn name_of_key(all: &str, key: &impl fmt::Display) -> Arc<str> {
    let name = format!("{all}/{key}");
    let plain = |character: char| if character.is_control() { '_' } else { character };
    name.chars().map(plain).take(NAME_MAX).collect::<String>().into()
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("name", &self.name).finish_non_exhaustive()
    }
}
