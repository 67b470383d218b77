use crate::Category;

/// What became of the events of a family so far.
///
/// Every event is in one of these: `emitted` is the sum of the others and of those that still wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClassCounts {
    /// Events for which room was asked and not left unused.
    pub emitted: u64,
    /// Those with a receipt.
    pub acknowledged: u64,
    /// Refused requests that have no record of their own, because there were too many: one record tells of many.
    pub summarised: u64,
    /// Those that were lost as their policy says.
    pub shed: u64,
    /// Those that could not be recorded, and whose request was refused if that was still possible.
    pub failed: u64,
}

impl ClassCounts {
    /// Those that wait to be written.
    pub const fn waiting(&self) -> u64 {
        self.emitted - self.acknowledged - self.summarised - self.shed - self.failed
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts([ClassCounts; Category::ALL.len()]);

impl Counts {
    pub(super) const fn of(&self, category: Category) -> ClassCounts {
        self.0[category as usize]
    }

    const fn row(&mut self, category: Category) -> &mut ClassCounts {
        &mut self.0[category as usize]
    }

    pub(super) const fn emitted(&mut self, category: Category) {
        self.row(category).emitted += 1;
    }

    pub(super) const fn acknowledged(&mut self, category: Category) {
        self.row(category).acknowledged += 1;
    }

    pub(super) const fn summarised(&mut self, category: Category) {
        self.emitted(category);
        self.row(category).summarised += 1;
    }

    pub(super) const fn refused(&mut self, category: Category, shed: bool) {
        let row = self.row(category);
        if shed {
            row.shed += 1;
        } else {
            row.failed += 1;
        }
    }
}
