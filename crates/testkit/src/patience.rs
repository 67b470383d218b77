//! Waiting for what comes about by itself: in another thread, another process, on a disk.
//!
//! All waits end, by real time whatever a paused clock says, so a fault fails a test and does not hang it.

use std::fmt;
use std::future::Future;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

/// Far longer than anything takes that works, so that only what hangs runs into it.
pub const PATIENCE: Duration = Duration::from_secs(60);
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

/// Waits for a future, for so long.
///
/// # Panics
///
/// If it takes longer, with what was waited for.
pub async fn within<F: Future, D: fmt::Display>(
    limit: Duration,
    future: F,
    what: impl FnOnce() -> D,
) -> F::Output {
    let (_stop, too_long) = after(limit);
    tokio::select! {
        biased;
        output = future => output,
        Ok(()) = too_long => panic!("still not so after {limit:?}: {}", what()),
    }
}

/// Looks again and again until it holds, without holding other tasks up.
pub async fn looking(mut holds: impl AsyncFnMut() -> bool) {
    while !holds().await {
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}

/// Looks again and again until it holds, with [`PATIENCE`].
///
/// # Panics
///
/// If it does not come to hold.
pub async fn until(what: &str, holds: impl AsyncFnMut() -> bool) {
    within(PATIENCE, looking(holds), || what).await;
}

/// Ends after so much real time, unless what is held for it is dropped before.
fn after(limit: Duration) -> (mpsc::Sender<()>, oneshot::Receiver<()>) {
    let ((stop, stopped), (end, ended)) = (mpsc::channel(), oneshot::channel());
    thread::spawn(move || {
        if stopped.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout) {
            let _nobody_waits = end.send(());
        }
    });
    (stop, ended)
}
