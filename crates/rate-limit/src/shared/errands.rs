use std::collections::VecDeque;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::Ask;

/// Errands that wait at most; more are dropped and counted.
const ROOM: usize = 1_024;

/// What is done at the store in the background, in a bounded queue.
#[derive(Debug)]
pub(super) struct Errands {
    queue: Mutex<Queue>,
    wake: Notify,
}

#[derive(Debug)]
struct Queue {
    waiting: VecDeque<Ask>,
    closed: bool,
}

impl Default for Errands {
    fn default() -> Self {
        let queue = Queue { waiting: VecDeque::with_capacity(ROOM), closed: false };
        Self { queue: Mutex::new(queue), wake: Notify::new() }
    }
}

impl Errands {
    /// Puts an errand in line, unless there is no room or nobody to run it.
    pub(super) fn push(&self, ask: Ask) -> bool {
        let mut queue = self.queue.lock();
        let room = !queue.closed && queue.waiting.len() < ROOM;
        if room {
            queue.waiting.push_back(ask);
        }
        drop(queue);
        self.wake.notify_one();
        room
    }

    /// Takes up to so many errands, oldest first.
    pub(super) fn take(&self, most: usize) -> Vec<Ask> {
        let mut queue = self.queue.lock();
        let some = queue.waiting.len().min(most);
        queue.waiting.drain(..some).collect()
    }

    /// Takes no more errands from now on.
    pub(super) fn close(&self) {
        self.queue.lock().closed = true;
        self.wake.notify_one();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.queue.lock().closed
    }

    /// Lets the one who runs errands look around.
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Waits for something to have happened since the last look.
    pub(super) async fn changed(&self) {
        self.wake.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{KeyHash, Rate, Take};

    fn ask(units: u64) -> Ask {
        let key = KeyHash::from_bits(1);
        Ask { key, scope: key, rate: Rate::from_ticks(1, 1), take: Take::UpTo(units) }
    }

    #[test]
    fn the_queue_is_bounded_and_in_order() {
        let errands = Errands::default();
        let pushed = (0..2_000).filter(|units| errands.push(ask(*units))).count();
        assert_eq!(pushed, ROOM);
        assert_eq!(errands.take(2), [ask(0), ask(1)]);
        assert!(errands.push(ask(9)));
        assert_eq!(errands.take(usize::MAX).len(), ROOM - 1);
    }

    #[test]
    fn nothing_gets_in_after_the_end() {
        let errands = Errands::default();
        assert!(errands.push(ask(1)));
        errands.close();
        assert!(!errands.push(ask(2)) && errands.is_closed());
        assert_eq!(errands.take(9), [ask(1)], "what was in line is still run");
    }
}
