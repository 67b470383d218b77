use std::cell::Cell;

use super::names::Names;
use super::room::Room;
use super::slot::Slots;
use super::stamp::Second;
use super::whose::Acquaintances;

/// More of a buffer than this is not kept for the next line.
const KEPT: usize = 64 * 1024;

/// How many lines may be begun on one thread at once. The second is that of a value that logs while it is printed.
const DEEPEST: u8 = 2;

/// What a thread needs to write lines, used again for the next one.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) line: Vec<u8>,
    pub(crate) fields: Vec<u8>,
    pub(crate) slots: Slots,
    pub(crate) names: Names,
    pub(crate) room: Room,
    pub(crate) whose: Acquaintances,
    pub(crate) second: Second,
    pub(crate) is_cut: bool,
}

thread_local! {
    static MINE: Cell<Option<Box<Scratch>>> = const { Cell::new(None) };
    static DEPTH: Cell<u8> = const { Cell::new(0) };
}

impl Scratch {
    /// Lends this thread's buffers, or new ones if they are in use. `None` if a line is begun within a line within a
    /// line, which would go on for ever.
    pub(crate) fn lend<T>(work: impl FnOnce(&mut Self) -> T) -> Option<T> {
        let depth = Depth::enter()?;
        // The thread may be ending, and its buffers gone.
        let mut mine = MINE.try_with(Cell::take).ok().flatten().unwrap_or_default();
        let told = work(&mut mine);
        mine.tidy();
        let _ = MINE.try_with(|kept| kept.set(Some(mine)));
        drop(depth);
        Some(told)
    }

    fn tidy(&mut self) {
        let held =
            [self.line.capacity(), self.fields.capacity(), self.slots.capacity(), self.room.capacity()];
        if held.into_iter().any(|bytes| bytes > KEPT) {
            *self = Self::default();
        }
    }

    pub(crate) fn clear(&mut self) {
        self.line.clear();
        self.fields.clear();
        self.slots.clear();
        self.names.clear();
        self.room.clear();
        self.whose.clear();
        self.is_cut = false;
    }
}

struct Depth;

impl Depth {
    fn enter() -> Option<Self> {
        let depth = DEPTH.get();
        (depth < DEEPEST).then(|| {
            DEPTH.set(depth + 1);
            Self
        })
    }
}

impl Drop for Depth {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get().saturating_sub(1));
    }
}
