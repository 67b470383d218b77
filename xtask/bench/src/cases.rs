//! Everything that is measured.

use std::fmt::Debug;

use crate::Failure;
use crate::subject::{Case, Subject};

mod bare;
mod breaker;
mod correlation;
mod machine;
mod refusal;
mod retry;
mod stack;
mod timeout;

/// Every case, in the order of the page.
pub(crate) const ALL: &[Case] = &[
    machine::MACHINE,
    breaker::CLOSED,
    refusal::PLAIN,
    refusal::HTTP,
    retry::PLAIN,
    retry::HTTP,
    timeout::READY,
    timeout::HTTP,
    timeout::WAITS,
    correlation::MINTED,
    correlation::ARRIVED,
    stack::PARTS,
    stack::INBOUND,
    stack::OUTBOUND,
];

pub(crate) fn find(name: &str) -> Result<&'static Case, Failure> {
    let case = ALL.iter().find(|case| case.name == name);
    case.ok_or_else(|| format!("no case is called `{name}`; --list names them all").into())
}

pub(crate) fn subject(case: &str, row: usize) -> Result<&'static Subject, Failure> {
    let subject = find(case)?.subjects().nth(row);
    subject.ok_or_else(|| format!("{case} has no row {row}; --list numbers them").into())
}

/// A layer whose settings are right.
#[expect(clippy::expect_used, reason = "settings that are wrong are a mistake in this program")]
fn built<T, E: Debug>(layer: Result<T, E>) -> T {
    layer.expect("the settings of a case are right")
}
