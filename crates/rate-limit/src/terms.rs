use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrayvec::ArrayVec;
use buttress_core::ConfigError;
use parking_lot::Mutex;

#[cfg(feature = "http")]
use crate::fields::PolicyField;
use crate::{MAX_POLICIES, Quota, Rate};

/// The quotas in force, and what is derived from them. Never changed: others take their place.
#[derive(Debug)]
pub(crate) struct Terms {
    generation: u64,
    pub(crate) of: ArrayVec<Term, MAX_POLICIES>,
    #[cfg(feature = "http")]
    pub(crate) field: PolicyField,
}

/// The quota of one policy.
#[derive(Clone, Debug)]
pub(crate) struct Term {
    #[cfg_attr(not(feature = "http"), expect(dead_code, reason = "only responses over HTTP name it"))]
    pub(crate) name: Arc<str>,
    pub(crate) quota: Quota,
    pub(crate) rate: Rate,
}

impl Terms {
    pub(crate) fn new(generation: u64, of: ArrayVec<Term, MAX_POLICIES>) -> Self {
        #[cfg(feature = "http")]
        let field = PolicyField::new(&of);
        Self {
            generation,
            of,
            #[cfg(feature = "http")]
            field,
        }
    }

    /// The same terms but for the quota of one policy.
    fn with(&self, policy: usize, quota: Quota) -> Result<Self, ConfigError> {
        let rate = quota.rate()?;
        let mut of = self.of.clone();
        if let Some(term) = of.get_mut(policy) {
            (term.quota, term.rate) = (quota, rate);
        }
        Ok(Self::new(self.generation + 1, of))
    }
}

/// Where the terms in force are found.
///
/// Every service holds the terms that it saw last, so asking whether they still hold is one look at a number.
#[derive(Debug)]
pub(crate) struct Notice {
    generation: AtomicU64,
    latest: Mutex<Arc<Terms>>,
}

impl Notice {
    pub(crate) fn new(terms: Arc<Terms>) -> Self {
        Self { generation: AtomicU64::new(terms.generation), latest: Mutex::new(terms) }
    }

    #[inline]
    pub(crate) fn is_latest(&self, terms: &Terms) -> bool {
        // Whoever sees the old number decides by the old terms, as if the request had come a moment earlier.
        self.generation.load(Ordering::Relaxed) == terms.generation
    }

    pub(crate) fn latest(&self) -> Arc<Terms> {
        Arc::clone(&self.latest.lock())
    }

    /// Puts another quota in force and says which one was, or leaves the old one if it is not valid.
    pub(crate) fn amend(&self, policy: usize, quota: Quota) -> Result<Option<Quota>, ConfigError> {
        let mut latest = self.latest.lock();
        let before = latest.of.get(policy).map(|term| term.quota);
        let terms = latest.with(policy, quota)?;
        let generation = terms.generation;
        *latest = Arc::new(terms);
        self.generation.store(generation, Ordering::Relaxed);
        Ok(before)
    }
}
