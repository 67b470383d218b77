use std::fmt;
use std::sync::Arc;

use buttress_core::{Checks, ConfigError, Mode, ModeSwitch};

use crate::key::{FindKey, KeyWriter, PlainKey, Presence};
use crate::{Missing, Overrides, Plain, Quota, Settle, Subject};

/// One limit: who is counted, how much each may spend, and what a request costs.
///
/// Begun by `Policy::named` for HTTP and by [`Policy::plain`] for anything else, checked when the layer is built.
///
/// | option | default | range | effect |
/// |---|---|---|---|
/// | name | | 1 to 64 of `a-z 0-9 _ -`, once in a layer | in response fields, refusals and signals |
/// | `key` | none, must be given | | who is counted |
/// | `scope` | the key | | what lives on one server of a Cluster |
/// | [`quota`](Self::quota) | none, must be given | see [`Quota`] | how much each key may spend |
/// | [`cost`](Self::cost) | 1 unit | 0 to the burst | what a request costs; 0 looks without spending |
/// | `cost_by` | | | the same, by the request |
/// | `settle` | keep | [`Settle`] | what becomes of the cost once the response is known |
/// | [`missing`](Self::missing) | refuse with 400 | [`Missing`] | what a request without a key meets |
/// | [`overrides`](Self::overrides) | none | [`Overrides`] | quotas of single keys |
/// | [`mode`](Self::mode) | enforce | [`Mode`] | whether it may refuse |
/// | [`local`](Self::local) | no | | whether each process counts for itself even if the layer is shared |
#[must_use = "a policy does nothing until a layer is built with it"]
pub struct Policy<W: Subject> {
    pub(crate) name: Arc<str>,
    pub(crate) key: Option<KeyOf<W>>,
    pub(crate) key_checked: Result<(), ConfigError>,
    pub(crate) scope: Option<KeyOf<W>>,
    pub(crate) quota: Option<Quota>,
    pub(crate) cost: Cost<W>,
    pub(crate) settle: Option<SettleBy<W>>,
    pub(crate) missing: Missing,
    pub(crate) overrides: Option<Overrides>,
    pub(crate) mode: ModeSwitch,
    pub(crate) local: bool,
}

pub(crate) type KeyOf<W> = Arc<dyn FindKey<W>>;
pub(crate) type SettleBy<W> = Arc<dyn for<'a> Fn(&<W as Subject>::Answer<'a>) -> Settle + Send + Sync>;
pub(crate) type CostBy<W> = Arc<dyn for<'a> Fn(&<W as Subject>::Head<'a>) -> u64 + Send + Sync>;

pub(crate) enum Cost<W: Subject> {
    Units(u64),
    By(CostBy<W>),
}

impl<W: Subject> Policy<W> {
    pub(crate) fn begin(name: Arc<str>) -> Self {
        Self {
            name,
            key: None,
            key_checked: Ok(()),
            scope: None,
            quota: None,
            cost: Cost::Units(1),
            settle: None,
            missing: Missing::default(),
            overrides: None,
            mode: ModeSwitch::default(),
            local: false,
        }
    }

    /// How much each key may spend. It can be changed while the layer runs: see [`PolicyHandle`](crate::PolicyHandle).
    pub fn quota(self, quota: Quota) -> Self {
        Self { quota: Some(quota), ..self }
    }

    /// What every request costs.
    pub fn cost(self, units: u64) -> Self {
        Self { cost: Cost::Units(units), ..self }
    }

    /// What a request without a key meets.
    pub fn missing(self, missing: Missing) -> Self {
        Self { missing, ..self }
    }

    /// Quotas of single keys that differ from the policy's own.
    pub fn overrides(self, overrides: Overrides) -> Self {
        Self { overrides: Some(overrides), ..self }
    }

    /// A mode for this policy alone, or a switch that something else turns. A layer that does less has its way.
    pub fn mode(self, mode: impl Into<ModeSwitch>) -> Self {
        Self { mode: mode.into(), ..self }
    }

    /// Counts in this process alone, also in a layer that shares its other policies with other processes.
    pub fn local(self) -> Self {
        Self { local: true, ..self }
    }

    /// The same policy with a mode switch of its own, in the present position.
    pub(crate) fn fresh(&self) -> Self {
        self.clone().mode(self.mode.get())
    }

    pub(crate) fn check(&self, checks: &mut Checks) {
        let Self { name, key, quota, missing, .. } = self;
        let named = is_name(name);
        checks.require(named, "policy", format_args!("{name:?}"), "a name of 1 to 64 of a-z, 0-9, _ and -");
        checks.require(
            key.is_some(),
            format!("{name}.key"),
            "none",
            "a key; key::everyone() for one count of all",
        );
        checks.require(quota.is_some(), format!("{name}.quota"), "none", "a quota");
        if let Some(quota) = quota {
            self.check_quota(*quota, checks);
        }
        checks.absorb(self.key_checked.clone());
        missing.check(name, checks);
    }

    /// Notes what is wrong with a quota for this policy; one whose burst its cost exceeds would refuse everybody.
    pub(crate) fn check_quota(&self, quota: Quota, checks: &mut Checks) {
        let Self { name, cost, .. } = self;
        quota.check(&format!("{name}.quota"), checks);
        if let Cost::Units(units) = cost {
            let burst = quota.burst_units();
            let allowed = format!("0 to {burst} units, the burst");
            checks.require(*units <= burst, format!("{name}.cost"), units, allowed);
        }
    }
}

fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    (1..=64).contains(&name.len()) && name.bytes().all(is_plain)
}

/// Policies for services that are not HTTP.
impl<Req: 'static, Res: 'static> Policy<Plain<Req, Res>> {
    /// Begins a policy.
    pub fn plain(name: impl Into<Arc<str>>) -> Self {
        Self::begin(name.into())
    }

    /// Counts each value of the closure for itself; `None` is a request without a key.
    pub fn key<K: AsRef<[u8]>>(self, key_of: impl Fn(&Req) -> Option<K> + Send + Sync + 'static) -> Self {
        let key = move |request: &&Req, into: &mut KeyWriter<'_>| into.part_or_missing(key_of(request));
        Self { key: Some(Arc::new(PlainKey(key))), ..self }
    }

    /// What all policies with this scope have in common, where a Cluster shares them: their keys live on one server, and
    /// a request that has several of them is one round trip.
    ///
    /// It is counted apart in each scope, so the scope had better follow from the key. All keys of a scope are the work
    /// of one server: choose something of which there are many. A request without the scope, a policy that is local,
    /// and a layer that is not shared go by the key alone.
    pub fn scope<K: AsRef<[u8]>>(self, scope_of: impl Fn(&Req) -> Option<K> + Send + Sync + 'static) -> Self {
        let scope = move |request: &&Req, into: &mut KeyWriter<'_>| into.part_or_missing(scope_of(request));
        Self { scope: Some(Arc::new(PlainKey(scope))), ..self }
    }

    /// Counts all requests together.
    pub fn everyone(self) -> Self {
        let key = |_: &&Req, _: &mut KeyWriter<'_>| Presence::Present;
        Self { key: Some(Arc::new(PlainKey(key))), ..self }
    }

    /// What a request costs.
    pub fn cost_by(self, cost: impl Fn(&Req) -> u64 + Send + Sync + 'static) -> Self {
        Self { cost: Cost::By(Arc::new(move |request: &&Req| cost(request))), ..self }
    }

    /// What becomes of the cost once the response is known.
    pub fn settle(self, settle: impl Fn(&Res) -> Settle + Send + Sync + 'static) -> Self {
        Self { settle: Some(Arc::new(move |response: &&Res| settle(response))), ..self }
    }
}

impl<W: Subject> Clone for Policy<W> {
    fn clone(&self) -> Self {
        Self {
            name: Arc::clone(&self.name),
            key: self.key.clone(),
            key_checked: self.key_checked.clone(),
            scope: self.scope.clone(),
            quota: self.quota,
            cost: match &self.cost {
                Cost::Units(units) => Cost::Units(*units),
                Cost::By(cost) => Cost::By(Arc::clone(cost)),
            },
            settle: self.settle.clone(),
            missing: self.missing.clone(),
            overrides: self.overrides.clone(),
            mode: self.mode.clone(),
            local: self.local,
        }
    }
}

impl<W: Subject> fmt::Debug for Policy<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, quota, missing, mode, local, .. } = self;
        f.debug_struct("Policy")
            .field("name", name)
            .field("quota", quota)
            .field("missing", missing)
            .field("mode", mode)
            .field("local", local)
            .finish_non_exhaustive()
    }
}

/// The mode in which a policy of a layer acts: whichever does less.
#[inline]
pub(crate) fn weaker(layer: Mode, policy: Mode) -> Mode {
    match (layer, policy) {
        (Mode::Off, _) | (_, Mode::Off) => Mode::Off,
        (Mode::Observe, _) | (_, Mode::Observe) => Mode::Observe,
        (Mode::Enforce, Mode::Enforce) => Mode::Enforce,
    }
}
