//! What the throttle promises, seen from outside.

mod blocks;
mod contract;

mod modes;
mod over_http;
mod queue;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use buttress_core::{AsError, BoxError, Refused};
use buttress_rate_limit::throttle::{Feedback, NoFeedback, OneKey, ThrottleBuilder, ThrottleKey};
use buttress_rate_limit::{Quota, ThrottleLayer};
use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

type Plain = ThrottleLayer<OneKey, NoFeedback, AsError>;

/// One call every 100 ms, two at once.
fn plain() -> ThrottleBuilder<OneKey, NoFeedback, AsError> {
    ThrottleLayer::plain("upstream").quota(Quota::per_second(10).burst(2))
}

/// A service that answers at once and notes which call came when, in milliseconds.
#[derive(Clone)]
struct Upstream {
    begin: Instant,
    sent: Arc<Mutex<Vec<(u32, u64)>>>,
}

type Client = BoxCloneSyncService<u32, u32, BoxError>;

impl Upstream {
    fn new() -> Self {
        Self { begin: Instant::now(), sent: Arc::default() }
    }

    /// The upstream behind a throttle.
    fn behind<K, L>(&self, layer: &ThrottleLayer<K, L, AsError>) -> Client
    where
        K: ThrottleKey<u32> + Send + Sync + 'static,
        L: Feedback<u32, u32, BoxError> + Send + Sync + 'static,
    {
        let upstream = self.clone();
        let answer = service_fn(move |call: u32| {
            upstream.sent.lock().push((call, upstream.now()));
            async move { Ok::<_, BoxError>(call) }
        });
        BoxCloneSyncService::new(ServiceBuilder::new().layer(layer.clone()).service(answer))
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begin.elapsed().as_millis()).unwrap()
    }

    fn sent(&self) -> Vec<(u32, u64)> {
        self.sent.lock().clone()
    }
}

/// Makes calls in this order, and leaves them to go on.
async fn begin(client: &Client, calls: impl IntoIterator<Item = u32>) -> JoinSet<Result<u32, BoxError>> {
    let mut running = JoinSet::new();
    for call in calls {
        let mut handle = client.clone();
        let future = handle.ready().await.unwrap().call(call);
        running.spawn(future);
    }
    running
}

fn code(answer: Result<u32, BoxError>) -> &'static str {
    Refused::in_error(&answer.unwrap_err()).expect("a refusal").code()
}
