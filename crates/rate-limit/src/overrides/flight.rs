use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use buttress_core::{BoxError, Observer, Signal, Verdict};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

use super::book::{Book, Landed};
use super::health::Turn;
use super::{FetchFuture, OverrideKey};
use crate::{KeyHash, Quota};

/// Who knows the quotas, without its type.
pub(super) type Source = dyn Fn(OverrideKey) -> Answer + Send + Sync;
type Answer = Pin<Box<dyn Future<Output = Result<Option<Quota>, BoxError>> + Send>>;

#[expect(clippy::disallowed_methods, reason = "only a lookup that asks the source pays for it")]
pub(super) fn source<F, Fut>(source: F) -> Arc<Source>
where
    F: Fn(OverrideKey) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Option<Quota>, BoxError>> + Send + 'static,
{
    Arc::new(move |key| Box::pin(source(key)))
}

/// What lookups and flights share.
pub(super) struct State {
    pub(super) name: Box<str>,
    pub(super) source: Arc<Source>,
    pub(super) time_limit: Duration,
    pub(super) observer: Option<Arc<dyn Observer>>,
    pub(super) book: Mutex<Book>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Fault {
    Failed(BoxError),
    TimedOut,
    Invalid,
    /// The task ended without having said anything: a panic, or the end of the runtime.
    CutOff,
}

/// One question to the source. It comes to an end whatever happens: dropped, it counts as failed.
pub(super) struct Flight {
    state: Arc<State>,
    hash: KeyHash,
    landed: Option<watch::Sender<Landed>>,
    /// Counted from the lookup, and not from when the task is first polled.
    ends: Instant,
}

impl Flight {
    pub(super) fn new(state: &Arc<State>, hash: KeyHash, landed: watch::Sender<Landed>) -> Self {
        let ends = Instant::now() + state.time_limit;
        Self { state: Arc::clone(state), hash, landed: Some(landed), ends }
    }

    pub(super) async fn run(mut self, key: OverrideKey) {
        // Called here, so that a panic while the future is made is the task's and not the request's.
        let answer = timeout_at(self.ends, (self.state.source)(key)).await;
        self.land(match answer {
            Ok(Ok(quota)) if quota.is_some_and(|quota| quota.rate().is_err()) => Err(Fault::Invalid),
            Ok(Ok(quota)) => Ok(quota),
            Ok(Err(error)) => Err(Fault::Failed(error)),
            Err(_) => Err(Fault::TimedOut),
        });
    }

    fn land(&mut self, answer: Result<Option<Quota>, Fault>) {
        let Some(landed) = self.landed.take() else { return };
        let why = answer.as_ref().err().map(Fault::to_string);
        let now = Instant::now().into_std();
        let (quota, turn) = self.state.book.lock().land(self.hash, answer, now);
        landed.send_replace(Some(quota));
        if let Some(turn) = turn {
            self.state.tell(turn, why.as_deref());
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.land(Err(Fault::CutOff));
    }
}

/// Waits for a flight's end; one that ends without a word, or not in time, says that the policy's own quota applies.
///
/// Its own task sees to the time, but that may belong to a runtime that stands still.
#[expect(clippy::disallowed_methods, reason = "only a lookup that waits for the source pays for it")]
pub(super) fn wait_for(answer: watch::Receiver<Landed>, limit: Duration) -> FetchFuture {
    Box::pin(async move {
        match Handle::try_current() {
            Ok(_) => timeout(limit, landed(answer)).await.ok().flatten(),
            // There is no timer either, and where there is no runtime nothing is on its way.
            Err(_) => landed(answer).await,
        }
    })
}

async fn landed(mut answer: watch::Receiver<Landed>) -> Option<Quota> {
    answer.wait_for(Option::is_some).await.ok().and_then(|landed| landed.flatten())
}

impl State {
    #[cold]
    fn tell(&self, turn: Turn, why: Option<&str>) {
        let overrides = &*self.name;
        let code = match turn {
            Turn::Failing => {
                tracing::warn!(
                    overrides,
                    why,
                    "quotas of single keys cannot be had, older ones and the policy's own apply"
                );
                "overrides_failing"
            }
            Turn::Working => {
                tracing::info!(overrides, "quotas of single keys can be had again");
                "overrides_working"
            }
        };
        Signal::new(super::builder::LAYER, overrides, Verdict::Changed, code)
            .report(self.observer.as_deref());
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => write!(f, "{error}"),
            Self::TimedOut => f.write_str("no answer in time"),
            Self::Invalid => f.write_str("a quota that cannot be enforced"),
            Self::CutOff => f.write_str("no answer: a panic, or no runtime"),
        }
    }
}
