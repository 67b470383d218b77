use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// Whether a layer acts on what it decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// It decides and refuses. The default.
    #[default]
    Enforce,
    /// It decides, counts and reports, and lets every request through.
    Observe,
    /// It decides nothing.
    Off,
}

/// The mode of a running layer, changeable at any time. Clones share.
#[derive(Clone)]
pub struct ModeSwitch(Arc<AtomicU8>);

impl ModeSwitch {
    /// A switch in the given position.
    pub fn new(mode: Mode) -> Self {
        Self(Arc::new(AtomicU8::new(mode as u8)))
    }

    /// The mode in force.
    pub fn get(&self) -> Mode {
        match self.0.load(Ordering::Relaxed) {
            0 => Mode::Enforce,
            1 => Mode::Observe,
            _ => Mode::Off,
        }
    }

    /// Changes the mode; requests that were already decided are not decided again.
    pub fn set(&self, mode: Mode) {
        self.0.store(mode as u8, Ordering::Relaxed);
    }
}

impl Default for ModeSwitch {
    fn default() -> Self {
        Self::new(Mode::default())
    }
}

impl From<Mode> for ModeSwitch {
    fn from(mode: Mode) -> Self {
        Self::new(mode)
    }
}

impl fmt::Debug for ModeSwitch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ModeSwitch").field(&self.get()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_survives_the_switch_and_clones_share_it() {
        let switch = ModeSwitch::default();
        let other = switch.clone();
        assert_eq!(switch.get(), Mode::Enforce);
        for mode in [Mode::Observe, Mode::Off, Mode::Enforce] {
            switch.set(mode);
            assert_eq!(other.get(), mode);
        }
    }
}
