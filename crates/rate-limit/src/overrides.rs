//! Quotas that differ from key to key, from a source that may be slow, wrong or gone.

mod book;
mod builder;
mod cache;
mod flight;
mod health;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use buttress_core::BoxError;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

pub use self::book::OverrideCounts;
use self::book::Step;
pub use self::builder::OverridesBuilder;
use self::flight::{Flight, State, wait_for};
use crate::{KeyHash, Quota};

/// Quotas of single keys, told by a source and remembered for a while.
///
/// The source is asked for one key at a time and answers with a quota, or with `None` for the policy's own. What it
/// says is kept for [`ttl`](OverridesBuilder::ttl); after that the old answer still serves for
/// [`stale_for`](OverridesBuilder::stale_for) while the source is asked again behind it. So a key waits for the source
/// only the first time, and not for longer than [`time_limit`](OverridesBuilder::time_limit).
///
/// ```
/// use std::time::Duration;
/// use buttress_core::BoxError;
/// use buttress_rate_limit::{OverrideKey, Overrides, Policy, Quota, RateLimitLayer, key};
/// use http::HeaderName;
/// # use tower::{Layer, ServiceExt};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let overrides = Overrides::builder(|tenant: OverrideKey| async move {
///     // A query, in earnest.
///     Ok::<_, BoxError>((tenant.as_str() == "big").then(|| Quota::per_second(1_000)))
/// })
/// .ttl(Duration::from_secs(30))
/// .build()?;
/// let per_tenant = Policy::named("per-tenant")
///     .key(key::header(HeaderName::from_static("x-tenant")))
///     .quota(Quota::per_second(50)) // of those whom the source does not know
///     .overrides(overrides);
/// let layer = RateLimitLayer::inbound().policy(per_tenant).build()?;
/// # let app = layer.layer(axum::Router::<()>::new());
/// # for (tenant, told) in [("big", r#""per-tenant";q=1000;w=1"#), ("small", r#""per-tenant";q=50;w=1"#)] {
/// #     let request = http::Request::builder().header("x-tenant", tenant).body(axum::body::Body::empty())?;
/// #     assert_eq!(app.clone().oneshot(request).await?.headers()["ratelimit-policy"], told);
/// # }
/// # Ok(())
/// # }
/// ```
///
/// # When things fail
///
/// | what happens | which quota applies |
/// |---|---|
/// | the source fails or takes too long, and there is an older answer | that of the older answer, until `stale_for` has passed |
/// | it fails, and there is none | the policy's own; the key is not asked for again for [`pause_after_error`](OverridesBuilder::pause_after_error) |
/// | its answer is no quota that could be enforced, such as zero units | the policy's own |
/// | its burst is below what each request of the policy costs, so that none would ever pass | its own, with the cost as burst; logged once |
/// | more keys are asked for at once than [`max_fetches`](OverridesBuilder::max_fetches) | an older answer, else the policy's own |
/// | there is no tokio runtime | the same |
///
/// Each is counted ([`counts`](Self::counts)). That the source has begun to fail, and that it works again, is logged
/// and told to the observer once; it counts as working again after a `ttl` without a failure.
///
/// # Strangers
///
/// Whoever makes up keys makes the source be asked for them, never more than `max_fetches` at a time, of which a
/// quarter is kept for keys that have a quota of their own. Answers of `None` never take the place of a quota in the
/// cache: they give way to one another.
///
/// # Cancellation
///
/// The source is asked in a task that belongs to this value and to no request. A request that is dropped while it
/// waits takes nothing from the others that wait for the same key. The tasks end with their time limit, and are
/// aborted when the last clone of this value is dropped.
///
/// # Cost
///
/// One lock and one search in a map for each lookup; no allocation while the answer is known. A key that is kept takes
/// about 200 bytes.
#[derive(Clone)]
pub struct Overrides(Arc<Owner>);

/// The tasks apart from what they share, so that they do not keep themselves alive.
struct Owner {
    state: Arc<State>,
    tasks: Mutex<JoinSet<()>>,
}

/// The key that the source is asked for, such as the name of a tenant.
///
/// The parts of a combined key are joined by `/`, and an address is written as the network that counts as one client.
/// It may be a secret, such as an API key: Debug output shows its length only.
#[derive(Clone, PartialEq, Eq)]
pub struct OverrideKey(Box<str>);

/// What is known of a key.
pub enum Lookup {
    /// The key's quota; `None` for the policy's own.
    Known(Option<Quota>),
    /// The same, once the source has answered or its time is up.
    Fetch(FetchFuture),
}

/// Waits for the source; resolves to the key's quota, or `None` for the policy's own. It never fails.
pub type FetchFuture = Pin<Box<dyn Future<Output = Option<Quota>> + Send>>;

impl Overrides {
    /// Begins to build overrides around a source.
    pub fn builder<F, Fut>(source: F) -> OverridesBuilder
    where
        F: Fn(OverrideKey) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Option<Quota>, BoxError>> + Send + 'static,
    {
        OverridesBuilder::new(flight::source(source))
    }

    /// The quota of a key at `now`; the key itself is asked for only if the source has to be.
    pub fn lookup(&self, hash: KeyHash, key: impl FnOnce() -> Box<str>, now: Instant) -> Lookup {
        let step = self.0.state.book.lock().step(hash, now);
        match step {
            Step::Use(quota) => Lookup::Known(quota),
            Step::Join(answer) => Lookup::Fetch(wait_for(answer, self.0.state.time_limit)),
            Step::Refresh(quota, takeoff) => {
                self.0.fly(Flight::new(&self.0.state, hash, takeoff), key());
                Lookup::Known(quota)
            }
            Step::Begin(answer, takeoff) => {
                self.0.fly(Flight::new(&self.0.state, hash, takeoff), key());
                Lookup::Fetch(wait_for(answer, self.0.state.time_limit))
            }
        }
    }

    /// What has happened so far.
    pub fn counts(&self) -> OverrideCounts {
        self.0.state.book.lock().counts()
    }

    fn from_state(state: State) -> Self {
        Self(Arc::new(Owner { state: Arc::new(state), tasks: Mutex::default() }))
    }
}

impl Owner {
    /// Sends a flight off. Without a runtime it is dropped, which is a failure like any other.
    fn fly(&self, flight: Flight, key: Box<str>) {
        let Ok(runtime) = Handle::try_current() else { return };
        let mut tasks = self.tasks.lock();
        while tasks.try_join_next().is_some() {}
        tasks.spawn_on(flight.run(OverrideKey(key)), &runtime);
    }
}

impl OverrideKey {
    /// The key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for OverrideKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OverrideKey({} bytes)", self.0.len())
    }
}

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(quota) => f.debug_tuple("Known").field(quota).finish(),
            Self::Fetch(_) => f.debug_tuple("Fetch").finish_non_exhaustive(),
        }
    }
}

impl fmt::Debug for Overrides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Overrides")
            .field("name", &self.0.state.name)
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}
