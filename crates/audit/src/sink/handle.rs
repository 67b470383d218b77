use std::time::Duration;

use buttress_core::WallClock;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::FeederStatus;
use super::status::{FeederState, Progress};
use crate::log::Head;

/// A feeder at work. It ends when this is dropped; [`stop`](Self::stop) lets it finish.
#[must_use = "a feeder ends when its handle is dropped"]
#[derive(Debug)]
pub struct FeederHandle {
    pub(super) task: JoinSet<()>,
    pub(super) stop: watch::Sender<bool>,
    pub(super) progress: watch::Receiver<Progress>,
    /// The end of the log, if this process writes it.
    pub(super) end: Option<watch::Receiver<Head>>,
    pub(super) clock: WallClock,
}

impl FeederHandle {
    /// How far it is. Takes no time, and may be asked as often as one likes.
    pub fn status(&self) -> FeederStatus {
        let end = self.end.as_ref().map_or(0, |end| end.borrow().seq);
        self.progress.borrow().status(end, self.clock.now())
    }

    /// Waits until the sink has confirmed a record and all before it, or the feeder is at its end.
    pub async fn confirmed(&self, seq: u64) -> FeederStatus {
        self.reached(|status| status.confirmed >= seq).await
    }

    /// Waits until something holds of the status, or the feeder is at its end. It is asked whenever something was
    /// delivered or failed.
    pub async fn reached(&self, mut holds: impl FnMut(&FeederStatus) -> bool) -> FeederStatus {
        let mut progress = self.progress.clone();
        loop {
            progress.mark_unchanged();
            let status = self.status();
            if status.state.is_over() || holds(&status) || progress.changed().await.is_err() {
                return status;
            }
        }
    }

    /// Hands on what is in the log, for so long at most, and ends.
    ///
    /// What is not handed on then is not lost: the next feeder of this name goes on there.
    pub async fn stop(mut self, within: Duration) -> FeederStatus {
        self.stop.send_replace(true);
        let is_over = timeout(within, self.task.join_next()).await.is_ok();
        self.task.shutdown().await;
        let mut status = self.status();
        if !is_over {
            status.state = FeederState::Stopped;
        }
        status
    }
}
