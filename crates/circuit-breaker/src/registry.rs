use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use buttress_core::ConfigError;
use parking_lot::RwLock;

use crate::{Breaker, BreakerBuilder, BreakerConfig, Snapshot};

/// The breakers of a process, by name, for status pages and for whoever steers them.
///
/// Clones share. Bounded, so that a name made from something a stranger sent cannot fill the memory.
///
/// ```
/// use buttress_circuit_breaker::{BreakerRegistry, ServiceProfile};
/// use buttress_core::Outcome;
///
/// let breakers = BreakerRegistry::default();
/// let intune = breakers.get_or_create("intune", ServiceProfile::ExecutionPlane)?;
/// for _ in 0..5 {
///     intune.try_admit()?.settle(Outcome::Failure);
/// }
/// assert!(!breakers.all_healthy());
///
/// breakers.reset("intune")?;
/// assert!(breakers.all_healthy());
/// assert!(breakers.reset("intone").is_err(), "a typing error creates nothing");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct BreakerRegistry {
    breakers: Arc<RwLock<BTreeMap<Arc<str>, Breaker>>>,
    capacity: usize,
}

/// A breaker that could not be put into a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegistryError {
    /// The settings cannot be used.
    Config(ConfigError),
    /// The registry holds as many breakers as it may.
    Full {
        /// How many that is.
        capacity: usize,
    },
    /// Another breaker has the name.
    Taken {
        /// The name.
        name: Arc<str>,
    },
}

/// A name under which a registry holds no breaker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownBreaker {
    name: String,
}

impl BreakerRegistry {
    /// How many breakers a registry holds by default.
    pub const DEFAULT_CAPACITY: usize = 1_000;

    /// An empty registry of at most `capacity` breakers.
    pub fn new(capacity: usize) -> Self {
        Self { breakers: Arc::default(), capacity }
    }

    /// The breaker of that name; built from the settings if there is none yet.
    ///
    /// # Errors
    ///
    /// If it must be built: settings that cannot be used, or no room.
    pub fn get_or_create(
        &self,
        name: &str,
        config: impl Into<BreakerConfig>,
    ) -> Result<Breaker, RegistryError> {
        self.get_or_build(Breaker::builder(name).config(config.into()))
    }

    /// The breaker of the builder's name; built by it if there is none yet.
    ///
    /// # Errors
    ///
    /// As [`get_or_create`](Self::get_or_create).
    pub fn get_or_build(&self, builder: BreakerBuilder) -> Result<Breaker, RegistryError> {
        if let Some(known) = self.get(builder.name()) {
            return Ok(known);
        }
        let new = builder.build().map_err(RegistryError::Config)?;
        match self.register(&new) {
            // Somebody else built it meanwhile.
            Err(RegistryError::Taken { name }) => Ok(self.get(&name).unwrap_or(new)),
            registered => registered.map(|()| new),
        }
    }

    /// Adds a breaker that exists already, such as that of a layer.
    ///
    /// # Errors
    ///
    /// No room, or another breaker of the same name.
    pub fn register(&self, breaker: &Breaker) -> Result<(), RegistryError> {
        let mut breakers = self.breakers.write();
        if let Some((name, _)) = breakers.get_key_value(breaker.name()) {
            return Err(RegistryError::Taken { name: Arc::clone(name) });
        }
        if breakers.len() >= self.capacity {
            return Err(RegistryError::Full { capacity: self.capacity });
        }
        breakers.insert(breaker.name().into(), breaker.clone());
        Ok(())
    }

    /// Takes a breaker out; it goes on to watch whatever it watches.
    pub fn remove(&self, name: &str) -> Option<Breaker> {
        self.breakers.write().remove(name)
    }

    /// The breaker of that name. Never creates one.
    pub fn get(&self, name: &str) -> Option<Breaker> {
        self.breakers.read().get(name).cloned()
    }

    /// The breaker of that name, or an error that says there is none.
    ///
    /// # Errors
    ///
    /// There is no breaker of that name.
    pub fn require(&self, name: &str) -> Result<Breaker, UnknownBreaker> {
        self.get(name).ok_or_else(|| UnknownBreaker { name: name.to_owned() })
    }

    /// Resets the breaker of that name.
    ///
    /// # Errors
    ///
    /// There is no breaker of that name.
    pub fn reset(&self, name: &str) -> Result<(), UnknownBreaker> {
        self.require(name).map(|breaker| breaker.reset())
    }

    /// Every breaker, sorted by name.
    pub fn breakers(&self) -> Vec<Breaker> {
        self.breakers.read().values().cloned().collect()
    }

    /// What can be known of every breaker now, sorted by name.
    pub fn snapshots(&self) -> Vec<Snapshot> {
        self.breakers().iter().map(Breaker::snapshot).collect()
    }

    /// Whether every breaker is closed or disabled.
    pub fn all_healthy(&self) -> bool {
        self.breakers.read().values().all(|breaker| breaker.state().is_healthy())
    }

    /// How many breakers it holds.
    pub fn len(&self) -> usize {
        self.breakers.read().len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Default for BreakerRegistry {
    fn default() -> Self {
        Self::new(Self::DEFAULT_CAPACITY)
    }
}

impl fmt::Debug for BreakerRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.breakers()).finish()
    }
}

impl fmt::Display for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(_) => f.write_str("the settings of a circuit breaker cannot be used"),
            Self::Full { capacity } => {
                write!(f, "the registry holds {capacity} circuit breakers and may hold no more")
            }
            Self::Taken { name } => write!(f, "another circuit breaker is named {name:?}"),
        }
    }
}

impl Error for RegistryError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Config(error) => Some(error),
            Self::Full { .. } | Self::Taken { .. } => None,
        }
    }
}

impl UnknownBreaker {
    /// The name that was asked for.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for UnknownBreaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no circuit breaker is named {:?}", self.name)
    }
}

impl Error for UnknownBreaker {}
