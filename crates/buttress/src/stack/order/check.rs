use super::rules::{EVERYWHERE, INBOUND, OUTBOUND, Rule};
use super::steps::Steps;
use super::{Direction, Finding, Severity};

/// What is wrong with the order of some steps, and with the numbers in them.
pub(super) fn check(direction: Direction, steps: Steps<'_>) -> Vec<Finding> {
    let of_direction = match direction {
        Direction::Inbound => INBOUND,
        Direction::Outbound => OUTBOUND,
    };
    let rules: [&[Rule]; 2] = [EVERYWHERE, of_direction];
    let order = rules.into_iter().flatten().filter_map(|rule| rule.check(steps));
    let numbers = [attempt_under_total, attempts_under_total, window_of_attempts];
    order.chain(numbers.into_iter().filter_map(|compare| compare(steps))).collect()
}

fn attempt_under_total(steps: Steps<'_>) -> Option<Finding> {
    let (attempt, total) = steps.attempt().zip(steps.total())?;
    (attempt >= total).then(|| Finding {
        severity: Severity::Mistake,
        rule: "attempt_not_shorter_than_total",
        seen: format!("an attempt timeout of {attempt:?} under a total of {total:?}"),
        instead: "make it shorter than the total, or leave it out",
    })
}

fn attempts_under_total(steps: Steps<'_>) -> Option<Finding> {
    let (attempts, (attempt, total)) = steps.attempts().zip(steps.attempt().zip(steps.total()))?;
    let is_too_long = attempt.saturating_mul(attempts) > total.saturating_mul(2);
    is_too_long.then(|| Finding {
        severity: Severity::Doubtful,
        rule: "attempts_do_not_fit",
        seen: format!("{attempts} attempts of {attempt:?} under a total of {total:?}"),
        instead: "shorten the attempts, or allow fewer, or the later ones never run",
    })
}

fn window_of_attempts(steps: Steps<'_>) -> Option<Finding> {
    let (window, attempt) = steps.window().zip(steps.attempt())?;
    (window < attempt.saturating_mul(2)).then(|| Finding {
        severity: Severity::Doubtful,
        rule: "window_too_short",
        seen: format!("a breaker window of {window:?} with attempts of up to {attempt:?}"),
        instead: "look back at least twice as long as one attempt may last",
    })
}
