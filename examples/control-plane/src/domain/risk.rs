//! How risky a package is: eight weighted factors, added in whole numbers, so that a score never lands on the wrong
//! side of a gate by rounding.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::Word;
use super::word::words;

words! {
    /// One of the things that make a package risky.
    RiskFactor {
        PrivilegeImpact = "privilege_impact",
        SupplyChainTrust = "supply_chain_trust",
        Exploitability = "exploitability",
        DataAccess = "data_access",
        SbomVulnerability = "sbom_vulnerability",
        BlastRadius = "blast_radius",
        OperationalComplexity = "operational_complexity",
        History = "history",
    }
}

impl RiskFactor {
    /// The points that the factor adds to the score at most; 100 together.
    pub(crate) const fn weight(self) -> u32 {
        match self {
            Self::PrivilegeImpact => 20,
            Self::SupplyChainTrust | Self::SbomVulnerability => 15,
            Self::Exploitability
            | Self::DataAccess
            | Self::BlastRadius
            | Self::OperationalComplexity
            | Self::History => 10,
        }
    }
}

/// How much of a risk factor there is: 0 is none, 1 all of it, in steps of 1/10,000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Share(u32);

impl Share {
    const ONE: f64 = 10_000.0;

    /// Rounds to the nearest step; nothing if the number is not between 0 and 1.
    pub(crate) fn new(share: f64) -> Option<Self> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the range is checked, so the product lies between 0 and 10,000"
        )]
        (0.0..=1.0).contains(&share).then(|| Self((share * Self::ONE).round() as u32))
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:04}", self.0 / 10_000, self.0 % 10_000)
    }
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(f64::from(self.0) / Self::ONE)
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let share = f64::deserialize(deserializer)?;
        Self::new(share).ok_or_else(|| de::Error::custom("a share lies between 0 and 1"))
    }
}

/// Each risk factor with its share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RiskFactors([Share; RiskFactor::ALL.len()]);

impl RiskFactors {
    pub(crate) fn set(&mut self, factor: RiskFactor, share: Share) {
        self.0[factor as usize] = share;
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (RiskFactor, Share)> {
        RiskFactor::ALL.iter().map(|&factor| (factor, self.0[factor as usize]))
    }

    /// The weighted sum.
    pub(crate) fn score(&self) -> Score {
        Score(self.iter().map(|(factor, share)| factor.weight() * share.0).sum())
    }
}

impl Serialize for RiskFactors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut factors = serializer.serialize_map(Some(self.0.len()))?;
        for (factor, share) in self.iter() {
            factors.serialize_entry(&factor, &share)?;
        }
        factors.end()
    }
}

impl<'de> Deserialize<'de> for RiskFactors {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut factors = Self::default();
        for (factor, share) in BTreeMap::<RiskFactor, Share>::deserialize(deserializer)? {
            factors.set(factor, share);
        }
        Ok(factors)
    }
}

/// The risk of a package: 0 to 100 points, in steps of 1/10,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Score(u32);

impl Score {
    /// A whole number of points.
    pub(crate) const fn points(points: u32) -> Self {
        Self(points * 10_000)
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:04}", self.0 / 10_000, self.0 % 10_000)
    }
}

impl Serialize for Score {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(f64::from(self.0) / 10_000.0)
    }
}

impl<'de> Deserialize<'de> for Score {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let points = f64::deserialize(deserializer)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the range is checked, so the product lies between 0 and 1,000,000"
        )]
        let score = (0.0..=100.0).contains(&points).then(|| Self((points * 10_000.0).round() as u32));
        score.ok_or_else(|| de::Error::custom("a score lies between 0 and 100"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(share: f64) -> RiskFactors {
        let mut factors = RiskFactors::default();
        for &factor in RiskFactor::ALL {
            factors.set(factor, Share::new(share).expect("between 0 and 1"));
        }
        factors
    }

    #[test]
    fn the_weights_are_those_of_the_risk_model_and_make_a_hundred() {
        let weights: Vec<_> = RiskFactor::ALL.iter().map(|factor| factor.weight()).collect();
        assert_eq!(weights, [20, 15, 10, 10, 15, 10, 10, 10]);
        assert_eq!(weights.iter().sum::<u32>(), 100);
    }

    #[test]
    fn a_score_is_the_exact_weighted_sum() {
        for (share, score) in
            [(0.0, "0.0000"), (0.5, "50.0000"), (0.1, "10.0000"), (0.7501, "75.0100"), (1.0, "100.0000")]
        {
            assert_eq!(all(share).score().to_string(), score);
        }
        let mut privileged = RiskFactors::default();
        privileged.set(RiskFactor::PrivilegeImpact, Share::new(0.3).expect("between 0 and 1"));
        assert_eq!(privileged.score(), Score::points(6));
    }

    #[test]
    fn a_share_lies_between_nothing_and_all() {
        for outside in [-0.1, 1.000_1, f64::NAN, f64::INFINITY] {
            assert_eq!(Share::new(outside), None, "{outside}");
        }
        assert_eq!(Share::new(0.333_333).map(|share| share.to_string()).as_deref(), Some("0.3333"));
    }
}
