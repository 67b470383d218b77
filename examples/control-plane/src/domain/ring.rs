use super::Word;
use super::word::words;

words! {
    /// How far a package has been let out.
    Ring {
        Canary = "canary",
        Pilot = "pilot",
        Department = "department",
        Global = "global",
    }
}

impl Ring {
    /// The ring after this one; none after the last.
    pub(crate) fn next(self) -> Option<Self> {
        Self::ALL.get(self as usize + 1).copied()
    }

    /// This ring and all before it: devices of an earlier ring keep the package when it moves on.
    pub(crate) fn with_earlier(self) -> &'static [Self] {
        &Self::ALL[..=self as usize]
    }

    /// The share of installs, in percent, that must have succeeded before a package leaves this ring.
    pub(crate) const fn required_percent(self) -> u64 {
        match self {
            Self::Canary | Self::Pilot => 97,
            Self::Department | Self::Global => 99,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Ring::{Canary, Department, Global, Pilot};
    use super::*;

    #[test]
    fn each_ring_leads_to_the_next_and_the_last_to_none() {
        let path: Vec<_> = std::iter::successors(Some(Canary), |ring| ring.next()).collect();
        assert_eq!(path, [Canary, Pilot, Department, Global]);
        assert_eq!(Pilot.with_earlier(), [Canary, Pilot]);
    }

    #[test]
    fn wider_rings_ask_for_more_success() {
        assert_eq!(
            Ring::ALL.iter().map(|ring| ring.required_percent()).collect::<Vec<_>>(),
            [97, 97, 99, 99]
        );
    }
}
