//! Who has to say yes before a package goes to a ring, and whether they have.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::word::words;
use super::{BlastRadius, Ring, Score};

words! {
    /// What a package needs before it goes to a ring.
    Need {
        Automatic = "automatic",
        Approval = "approval",
        Exception = "exception",
    }
}

/// What a package needs, and for which reasons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Requirement {
    pub(crate) need: Need,
    pub(crate) reasons: Vec<String>,
}

const APPROVAL_ABOVE: Score = Score::points(50);
const EXCEPTION_ABOVE: Score = Score::points(75);

/// Decides what a package needs.
pub(crate) fn requirement(score: Score, privileged_tooling: bool, radius: BlastRadius) -> Requirement {
    let mut need = Need::Automatic;
    let mut reasons = Vec::new();
    let mut because = |at_least: Need, reason: String| {
        need = need.max(at_least);
        reasons.push(reason);
    };
    if score > EXCEPTION_ABOVE {
        because(Need::Exception, format!("the risk score {score} is above {EXCEPTION_ABOVE}"));
    } else if score > APPROVAL_ABOVE {
        because(Need::Approval, format!("the risk score {score} is above {APPROVAL_ABOVE}"));
    }
    if privileged_tooling {
        because(Need::Approval, "it is privileged tooling".to_owned());
    }
    if radius == BlastRadius::BusinessCritical {
        because(Need::Approval, format!("its blast radius is {radius}"));
    }
    Requirement { need, reasons }
}

/// What somebody decided about one ring of one package. Rulings are added and never changed; the last one counts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Ruling {
    pub(crate) id: Uuid,
    pub(crate) ring: Ring,
    pub(crate) by: String,
    pub(crate) decided_at: Timestamp,
    #[serde(flatten)]
    pub(crate) verdict: Verdict,
}

/// The decision itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "decision", rename_all = "snake_case")]
pub(crate) enum Verdict {
    Approve { conditions: Vec<String> },
    Reject { reason: String },
    Exception { expires_at: Timestamp, compensating_controls: Vec<String> },
}

impl Verdict {
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Approve { .. } => "approve",
            Self::Reject { .. } => "reject",
            Self::Exception { .. } => "exception",
        }
    }
}

/// Whether a package may go to a ring now.
///
/// # Errors
///
/// What is in the way, as a sentence.
pub(crate) fn permission(
    requirement: &Requirement,
    rulings: &[Ruling],
    ring: Ring,
    now: Timestamp,
) -> Result<(), String> {
    let last = rulings.iter().rev().find(|ruling| ruling.ring == ring).map(|ruling| &ruling.verdict);
    match (requirement.need, last) {
        (_, Some(Verdict::Reject { reason })) => Err(format!("ring {ring} was rejected: {reason}")),
        (Need::Automatic, _) | (Need::Approval, Some(Verdict::Approve { .. })) => Ok(()),
        (_, Some(Verdict::Exception { expires_at, .. })) if *expires_at > now => Ok(()),
        (_, Some(Verdict::Exception { expires_at, .. })) => {
            Err(format!("the exception for ring {ring} expired at {expires_at}"))
        }
        (need, _) => {
            Err(format!("ring {ring} needs an {need}, because {}", requirement.reasons.join(" and ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn need(score: Score, privileged: bool, radius: BlastRadius) -> Need {
        requirement(score, privileged, radius).need
    }

    #[test]
    fn the_need_follows_the_score_and_two_rules_that_no_score_outweighs() {
        let just_above = |points: u32| {
            let mut factors = crate::domain::RiskFactors::default();
            for &factor in <crate::domain::RiskFactor as crate::domain::Word>::ALL {
                let share = f64::from(points) / 100.0 + 0.000_1;
                factors.set(factor, crate::domain::Share::new(share).expect("between 0 and 1"));
            }
            factors.score()
        };
        let (plain, critical) = (BlastRadius::Broad, BlastRadius::BusinessCritical);
        for (score, privileged, radius, expected) in [
            (Score::points(0), false, plain, Need::Automatic),
            (Score::points(50), false, plain, Need::Automatic),
            (just_above(50), false, plain, Need::Approval),
            (Score::points(75), false, plain, Need::Approval),
            (just_above(75), false, plain, Need::Exception),
            (Score::points(0), true, plain, Need::Approval),
            (Score::points(0), false, critical, Need::Approval),
            (Score::points(100), true, critical, Need::Exception),
        ] {
            assert_eq!(need(score, privileged, radius), expected, "{score} {privileged} {radius}");
        }
        assert_eq!(requirement(Score::points(100), true, critical).reasons.len(), 3);
    }

    fn ruled(ring: Ring, verdict: Verdict) -> Ruling {
        Ruling { id: Uuid::nil(), ring, by: "board".to_owned(), decided_at: NOW, verdict }
    }

    fn approve() -> Verdict {
        Verdict::Approve { conditions: Vec::new() }
    }

    fn reject() -> Verdict {
        Verdict::Reject { reason: "no rollback".to_owned() }
    }

    fn exception(seconds_left: i64) -> Verdict {
        let expires_at = Timestamp::from_second(seconds_left).expect("a time");
        Verdict::Exception { expires_at, compensating_controls: vec!["monitored".to_owned()] }
    }

    #[test]
    fn the_last_ruling_about_a_ring_decides() {
        let canary = |verdict| ruled(Ring::Canary, verdict);
        let elsewhere = || ruled(Ring::Pilot, approve());
        for (need, rulings, permitted) in [
            (Need::Automatic, vec![], true),
            (Need::Automatic, vec![canary(reject())], false),
            (Need::Approval, vec![], false),
            (Need::Approval, vec![elsewhere()], false),
            (Need::Approval, vec![canary(approve()), elsewhere()], true),
            (Need::Approval, vec![canary(approve()), canary(reject())], false),
            (Need::Approval, vec![canary(reject()), canary(approve())], true),
            (Need::Approval, vec![canary(exception(1))], true),
            (Need::Exception, vec![canary(approve())], false),
            (Need::Exception, vec![canary(exception(1))], true),
            (Need::Exception, vec![canary(exception(0))], false),
            (Need::Exception, vec![canary(exception(1)), canary(reject())], false),
        ] {
            let requirement = Requirement { need, reasons: vec!["of a reason".to_owned()] };
            let answer = permission(&requirement, &rulings, Ring::Canary, NOW);
            assert_eq!(answer.is_ok(), permitted, "{need} {rulings:?} {answer:?}");
        }
    }
}
