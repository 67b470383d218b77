use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::{LogCounts, Loss};
use crate::line::Stamp;

/// Lines are collected in blocks of this size, so that none is ever moved to make room.
const BLOCK: usize = 64 * 1024;

/// How many written blocks are kept to be filled again.
const SPARE: usize = 4;

/// Where lines wait. When the last of its owners is gone, the worker writes what is left and ends.
pub(crate) struct Queue(Arc<Shared>);

/// What those who log and the one who writes have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Something is to be done.
    work: Condvar,
    /// Something was done.
    done: Condvar,
    capacity: usize,
}

#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four things that can each be so or not, whatever the others are"
)]
struct State {
    full: VecDeque<Block>,
    filling: Block,
    spare: Vec<Vec<u8>>,
    /// What was lost behind the last line that waits.
    loss: Loss,
    /// There was no room. It is not over before half of it is free, so that the log has few gaps and not many.
    is_full: bool,
    counts: LogCounts,
    /// The worker waits to be woken. While it is at work, or takes a nap, nobody has to.
    is_asleep: bool,
    /// Somebody waits for all lines to be written.
    is_urgent: bool,
    is_closed: bool,
}

/// Some lines, one behind the other.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) bytes: Vec<u8>,
    lines: u64,
    /// What was lost behind them.
    pub(crate) loss: Loss,
}

impl Default for Block {
    fn default() -> Self {
        Self::of(Vec::with_capacity(BLOCK))
    }
}

impl Block {
    fn of(bytes: Vec<u8>) -> Self {
        Self { bytes, lines: 0, loss: Loss::default() }
    }
}

impl Queue {
    pub(crate) fn new(capacity: usize) -> Self {
        let state = State { spare: vec![Vec::with_capacity(BLOCK)], ..State::default() };
        let shared =
            Shared { state: Mutex::new(state), work: Condvar::new(), done: Condvar::new(), capacity };
        Self(Arc::new(shared))
    }

    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.0)
    }

    /// Puts a line behind the others, or counts it where there is no room. Never waits for the writer.
    pub(crate) fn push(&self, line: &[u8], at: Stamp) {
        let mut state = self.0.state.lock();
        if !state.has_room(line.len(), self.0.capacity) {
            state.counts.dropped_full += 1;
            return state.loss.add(at);
        }
        state.append(line);
        let was_asleep = std::mem::take(&mut state.is_asleep);
        drop(state);
        if was_asleep {
            self.0.work.notify_one();
        }
    }

    /// Counts an event that is not written because it would have no end.
    pub(crate) fn refuse(&self) {
        self.0.state.lock().counts.dropped_nested += 1;
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.0.state.lock().is_closed = true;
        self.0.work.notify_one();
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Queue").field(&self.0.counts()).finish()
    }
}

impl State {
    fn has_room(&mut self, bytes: usize, capacity: usize) -> bool {
        let limit = if self.is_full { capacity / 2 } else { capacity };
        self.is_full = self.counts.waiting_bytes + bytes > limit;
        !self.is_full
    }

    fn append(&mut self, line: &[u8]) {
        let is_behind_a_loss = self.loss.count > 0;
        let is_too_long = self.filling.bytes.len() + line.len() > BLOCK;
        if is_behind_a_loss || is_too_long {
            let full = self.seal();
            self.full.push_back(full);
        }
        self.filling.bytes.extend_from_slice(line);
        self.filling.lines += 1;
        self.counts.accepted += 1;
        self.counts.waiting_bytes += line.len();
    }

    fn has_work(&self) -> bool {
        !self.full.is_empty() || self.filling.lines > 0 || self.loss.count > 0
    }

    /// The next block to write.
    fn take(&mut self) -> Option<Block> {
        let next = self.full.pop_front();
        next.or_else(|| self.has_work().then(|| self.seal()))
    }

    /// What has been filled so far, with what was lost behind it.
    fn seal(&mut self) -> Block {
        let next = self.spare.pop().map_or_else(Block::default, Block::of);
        let full = std::mem::replace(&mut self.filling, next);
        Block { loss: std::mem::take(&mut self.loss), ..full }
    }
}

impl Shared {
    pub(crate) fn counts(&self) -> LogCounts {
        self.state.lock().counts
    }

    /// Waits for lines to write; `None` once there will be no more. After some were written it naps first: lines
    /// that come in quick succession are written together, and nobody has to wake it for each.
    pub(crate) fn next(&self, nap: Duration) -> Option<Block> {
        let mut state = self.state.lock();
        if state.full.is_empty() && !state.is_closed && !state.is_urgent {
            self.work.wait_while_for(&mut state, |state| !state.is_urgent && !state.is_closed, nap);
        }
        while !state.has_work() && !state.is_closed {
            state.is_asleep = true;
            self.work.wait(&mut state);
        }
        state.is_asleep = false;
        state.take()
    }

    /// Notes that a block was written, or given up.
    pub(crate) fn done(&self, mut block: Block, written: bool) {
        let mut state = self.state.lock();
        state.counts.waiting_bytes -= block.bytes.len();
        if written {
            state.counts.written += block.lines;
        } else {
            state.counts.dropped_failed += block.lines;
        }
        state.is_urgent &= state.has_work();
        block.bytes.clear();
        if state.spare.len() < SPARE {
            state.spare.push(block.bytes);
        }
        drop(state);
        self.done.notify_all();
    }

    /// Counts a failure of the output, and waits until it makes sense to try again. Says whether it does at all:
    /// when everybody has left, nobody would know when to stop.
    pub(crate) fn failed(&self, wait: Duration) -> bool {
        let mut state = self.state.lock();
        state.counts.errors += 1;
        self.work.wait_while_for(&mut state, |state| !state.is_closed, wait);
        !state.is_closed
    }

    /// Waits until all lines that were accepted before are written, at most so long; says whether they are.
    pub(crate) fn flush(&self, at_most: Duration) -> bool {
        let mut state = self.state.lock();
        let (goal, given_up) = (state.counts.accepted, state.counts.dropped_failed);
        let is_late = |state: &mut State| state.counts.written + state.counts.dropped_failed < goal;
        if is_late(&mut state) {
            state.is_urgent = true;
            self.work.notify_one();
        }
        let waited = self.done.wait_while_for(&mut state, is_late, at_most);
        !waited.timed_out() && state.counts.dropped_failed == given_up
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    const LINE: &[u8] = &[b'x'; 100];

    fn push(queue: &Queue, times: usize) {
        for _ in 0..times {
            queue.push(LINE, Stamp::of(UNIX_EPOCH));
        }
    }

    fn next(queue: &Queue) -> Block {
        queue.0.next(Duration::ZERO).expect("lines wait")
    }

    #[test]
    fn a_loss_stands_behind_the_line_before_it_and_before_the_one_after_it() {
        let queue = Queue::new(1_000);
        push(&queue, 7);
        let first = next(&queue);
        push(&queue, 3 + 2);
        queue.0.done(first, true);
        push(&queue, 1);
        let (before, after) = (next(&queue), next(&queue));
        assert_eq!((before.lines, before.loss.count), (3, 2));
        assert_eq!((after.lines, after.loss.count), (1, 0));
    }

    #[test]
    fn a_queue_that_is_full_takes_nothing_before_half_of_it_is_free() {
        let queue = Queue::new(1_000);
        push(&queue, 4);
        let first = next(&queue);
        push(&queue, 6 + 1);
        queue.0.done(first, true);
        push(&queue, 1);
        assert_eq!((queue.0.counts().accepted, queue.0.counts().dropped_full), (10, 2));
        let second = next(&queue);
        queue.0.done(second, true);
        push(&queue, 1);
        assert_eq!((queue.0.counts().accepted, queue.0.counts().waiting_bytes), (11, 100));
    }
}
