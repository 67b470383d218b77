use std::fmt;
use std::str::FromStr;
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

impl Mode {
    /// The mode as one word for settings, logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Observe => "observe",
            Self::Off => "off",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Mode {
    type Err = UnknownMode;

    fn from_str(word: &str) -> Result<Self, UnknownMode> {
        let modes = [Self::Enforce, Self::Observe, Self::Off];
        modes.into_iter().find(|mode| mode.as_str() == word).ok_or(UnknownMode)
    }
}

/// A word that names no [`Mode`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownMode;

impl fmt::Display for UnknownMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown mode, allowed: enforce, observe, off")
    }
}

impl std::error::Error for UnknownMode {}

/// The mode of a running layer, changeable at any time. Clones share.
#[derive(Clone)]
pub struct ModeSwitch(Arc<AtomicU8>);

impl ModeSwitch {
    /// A switch in the given position.
    pub fn new(mode: Mode) -> Self {
        Self(Arc::new(AtomicU8::new(mode as u8)))
    }

    /// The mode in force.
    #[inline]
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

    #[test]
    fn every_mode_can_be_read_from_its_word_and_no_other() {
        for mode in [Mode::Enforce, Mode::Observe, Mode::Off] {
            assert_eq!(mode.to_string().parse(), Ok(mode));
        }
        for word in ["", "on", "Enforce", "off "] {
            assert_eq!(word.parse::<Mode>(), Err(UnknownMode), "{word:?}");
        }
    }
}
