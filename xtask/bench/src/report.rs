//! Prints what was measured: as text for a terminal, as a table for the page.

use std::fmt::Write as _;

use crate::budget::{Bound, Budget, Verdict};
use crate::cases;
use crate::count::Count;
use crate::experiment::Findings;
use crate::subject::{Case, Subject, Whose};
use crate::time::{Times, median};

/// What was measured of a case; the bare service first, then the rows.
pub(crate) struct Table {
    pub(crate) case: &'static Case,
    pub(crate) counts: Option<Vec<Count>>,
    pub(crate) times: Vec<Times>,
}

/// One row in print. The bare service as it is, the others over the bare service.
struct Line {
    name: &'static str,
    cells: [String; 6],
}

const HEADS: [&str; 6] =
    ["instructions", "allocations", "ns, 1 thread", "ns, 2 threads", "to bare", "to the first row"];

impl Table {
    fn lines(&self) -> Vec<Line> {
        self.case.subjects().enumerate().map(|(place, subject)| self.line(place, subject)).collect()
    }

    fn line(&self, place: usize, subject: &Subject) -> Line {
        let count = |of: fn(&Count) -> f64| self.count_over(place, of).map_or_else(none, number);
        let nanos = |of: fn(&Times) -> &[f64]| self.nanos_over(place, of).map_or_else(none, number);
        let times = [alone as fn(&Times) -> &[f64], together];
        let ratio = |to: usize| {
            let ratios = times.map(|of| self.ratio(place, to, of));
            if ratios.iter().all(Option::is_some) {
                ratios.map(|ratio| ratio.map_or_else(none, number)).join(" / ")
            } else {
                none()
            }
        };
        let cells = [
            count(|count| count.instructions),
            count(|count| count.allocations),
            nanos(alone),
            nanos(together),
            if matches!(subject.whose, Whose::Ours | Whose::Peer) { ratio(0) } else { none() },
            if subject.whose == Whose::Peer { ratio(1) } else { none() },
        ];
        Line { name: subject.name, cells }
    }

    /// A count of one subject, less that of the bare service.
    fn count_over(&self, place: usize, of: fn(&Count) -> f64) -> Option<f64> {
        let counts = self.counts.as_ref()?;
        Some(if place == 0 { of(&counts[0]) } else { of(&counts[place]) - of(&counts[0]) })
    }

    /// The time of one subject, less that of the bare service in the same round.
    fn nanos_over(&self, place: usize, of: fn(&Times) -> &[f64]) -> Option<f64> {
        let own = of(&self.times[place]);
        let bare = of(&self.times[0]);
        median(own.iter().zip(bare).map(|(own, bare)| if place == 0 { *own } else { own - bare }))
    }

    /// How many times as long one subject took as another, the bare service included in both.
    fn ratio(&self, place: usize, to: usize, of: fn(&Times) -> &[f64]) -> Option<f64> {
        let (own, other) = (of(&self.times[place]), of(&self.times[to]));
        median(own.iter().zip(other).map(|(own, other)| own / other))
    }

    /// Each bound of a row beside what was seen.
    fn verdicts(&self, place: usize, budget: Budget) -> Vec<Verdict> {
        let bound = |what: &str, most: Option<u32>, seen: Option<f64>| {
            let at_most = |most| Bound::AtMost(f64::from(most));
            most.zip(seen).map(|(most, seen)| Verdict { what: what.to_owned(), bound: at_most(most), seen })
        };
        let instructions = self.count_over(place, |count| count.instructions);
        let bounds = [
            bound("instructions", budget.instructions, instructions),
            bound("allocations", budget.allocations, self.count_over(place, |count| count.allocations)),
            bound("ns on one thread", budget.alone, self.nanos_over(place, alone)),
            bound("ns on two threads", budget.together, self.nanos_over(place, together)),
        ];
        bounds.into_iter().flatten().chain(self.half(budget, instructions)).collect()
    }

    fn half(&self, budget: Budget, instructions: Option<f64>) -> Option<Verdict> {
        let peer = budget.half_of?;
        let place = self.case.subjects().position(|subject| subject.name == peer)?;
        let bound = Bound::AtMost(self.count_over(place, |count| count.instructions)? / 2.0);
        Some(Verdict { what: format!("instructions, half of {peer}"), bound, seen: instructions? })
    }

    /// One sentence for each row that has a budget.
    fn judgements(&self) -> Vec<String> {
        let rows = self.case.subjects().enumerate();
        let judged = rows.map(|(place, subject)| (subject.name, self.verdicts(place, subject.budget)));
        judged
            .filter(|(_, verdicts)| !verdicts.is_empty())
            .map(|(name, verdicts)| judgement(name, &verdicts))
            .collect()
    }

    /// What each peer does with less than our first row.
    fn peers_ahead(&self) -> Vec<String> {
        let peers = self.case.subjects().enumerate().filter(|(_, subject)| subject.whose == Whose::Peer);
        let ahead = |place: usize| {
            let fewer = |of: fn(&Count) -> f64| self.count_over(place, of) < self.count_over(1, of);
            let faster = |of| self.ratio(place, 1, of).is_some_and(|ratio| ratio < 0.95);
            let points = [
                (fewer(|count| count.instructions.round()), "instructions"),
                (fewer(|count| count.allocations.round()), "allocations"),
                (faster(alone as fn(&Times) -> &[f64]), "one thread"),
                (faster(together), "two threads"),
            ];
            points.into_iter().filter_map(|(is_ahead, what)| is_ahead.then_some(what)).collect::<Vec<_>>()
        };
        peers
            .map(|(place, subject)| (subject.name, ahead(place)))
            .filter(|(_, points)| !points.is_empty())
            .map(|(name, points)| format!("Ahead of the first row: {name} ({}).", points.join(", ")))
            .collect()
    }
}

fn judgement(name: &str, verdicts: &[Verdict]) -> String {
    let bounds: Vec<_> = verdicts
        .iter()
        .map(|verdict| {
            let missed = if verdict.is_kept() { "" } else { ", MISSED" };
            format!("{} of {} {}{missed}", number(verdict.seen), words(verdict.bound), verdict.what)
        })
        .collect();
    let all = if verdicts.iter().all(Verdict::is_kept) { "kept" } else { "not kept" };
    format!("Budget of {name}: {all} ({}).", bounds.join("; "))
}

fn words(bound: Bound) -> String {
    match bound {
        Bound::AtMost(most) => format!("at most {}", number(most)),
        Bound::AtLeast(least) => format!("at least {}", number(least)),
    }
}

fn alone(times: &Times) -> &[f64] {
    &times.alone
}

fn together(times: &Times) -> &[f64] {
    &times.together
}

fn none() -> String {
    "-".to_owned()
}

/// Whole from ten on, with one digit below; thousands are set apart.
fn number(value: f64) -> String {
    let value = if value.abs() < 0.05 { 0.0 } else { value };
    if value.abs() < 9.95 && (value - value.round()).abs() >= 0.05 {
        return format!("{value:.1}");
    }
    let digits = format!("{:.0}", value.abs());
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if value < 0.0 { format!("-{grouped}") } else { grouped }
}

/// A case as text.
pub(crate) fn text(table: &Table) -> String {
    let lines = table.lines();
    let wide = lines.iter().map(|line| line.name.len()).max().unwrap_or(0);
    let mut out = format!("== {}: {}\n{:wide$}", table.case.name, table.case.what, "");
    for head in HEADS {
        let _ = write!(out, "  {head:>15}");
    }
    for line in &lines {
        let _ = write!(out, "\n{:wide$}", line.name);
        for cell in &line.cells {
            let _ = write!(out, "  {cell:>15}");
        }
    }
    for sentence in table.judgements().iter().chain(&table.peers_ahead()) {
        let _ = write!(out, "\n{sentence}");
    }
    out.push('\n');
    out
}

/// A case as the page shows it.
pub(crate) fn markdown(table: &Table) -> String {
    let mut out =
        format!("| {} | {} |\n|---|{}\n", table.case.what, HEADS.join(" | "), "---:|".repeat(HEADS.len()));
    for line in table.lines() {
        let _ = writeln!(out, "| {} | {} |", line.name, line.cells.join(" | "));
    }
    for sentence in table.judgements().iter().chain(&table.peers_ahead()) {
        let _ = write!(out, "\n{sentence}\n");
    }
    out
}

/// An experiment as text, a block for each row: its heads are too long for columns.
pub(crate) fn findings_text(findings: &Findings) -> String {
    let experiment = findings.experiment;
    let wide = experiment.heads.iter().map(|head| head.len()).max().unwrap_or(0);
    let mut out = format!("== {}: {}", experiment.name, experiment.what);
    for (row, figures) in experiment.rows.iter().zip(&findings.figures) {
        let _ = write!(out, "\n{}", row.name);
        for (head, figure) in experiment.heads.iter().zip(figures) {
            let _ = write!(out, "\n  {head:wide$}  {:>12}", figure.map_or_else(none, number));
        }
    }
    for (row, verdict) in findings.verdicts() {
        let _ = write!(out, "\n{}", judgement(row, &[verdict]));
    }
    out.push('\n');
    out
}

/// An experiment as the page shows it.
pub(crate) fn findings_markdown(findings: &Findings) -> String {
    let heads = findings.experiment.heads;
    let mut out = format!(
        "| {} | {} |\n|---|{}\n",
        findings.experiment.what,
        heads.join(" | "),
        "---:|".repeat(heads.len())
    );
    for (row, figures) in findings.experiment.rows.iter().zip(&findings.figures) {
        let cells: Vec<_> = figures.iter().map(|figure| figure.map_or_else(none, number)).collect();
        let _ = writeln!(out, "| {} | {} |", row.name, cells.join(" | "));
    }
    for (row, verdict) in findings.verdicts() {
        let _ = write!(out, "\n{}\n", judgement(row, &[verdict]));
    }
    out
}

/// Every budget of every case and experiment, and whether it is kept.
pub(crate) fn budgets(tables: &[Table], findings: &[Findings]) -> String {
    let mut out = "| case | row | what | bound | seen | |\n|---|---|---|---:|---:|---|\n".to_owned();
    let mut line = |case: &str, row: &str, verdict: &Verdict| {
        let kept = if verdict.is_kept() { "kept" } else { "**missed**" };
        let (what, bound, seen) = (&verdict.what, words(verdict.bound), number(verdict.seen));
        let _ = writeln!(out, "| {case} | {row} | {what} | {bound} | {seen} | {kept} |");
    };
    for table in tables {
        for (place, subject) in table.case.subjects().enumerate() {
            for verdict in table.verdicts(place, subject.budget) {
                line(table.case.name, subject.name, &verdict);
            }
        }
    }
    for findings in findings {
        for (row, verdict) in findings.verdicts() {
            line(findings.experiment.name, row, &verdict);
        }
    }
    out
}

/// Names every case and its subjects.
pub(crate) fn list() {
    for case in cases::ALL {
        println!("{}: {}", case.name, case.what);
        for (row, subject) in case.subjects().enumerate() {
            println!("  {row} {}", subject.name);
        }
    }
    for experiment in cases::EXPERIMENTS {
        println!("{}: {}", experiment.name, experiment.what);
        for row in experiment.rows {
            println!("  {}", row.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_thousands_are_set_apart() {
        for (value, text) in [
            (0.04, "0"),
            (-0.04, "0"),
            (3.0, "3"),
            (3.12, "3.1"),
            (9.96, "10"),
            (99.5, "100"),
            (1_234.4, "1,234"),
            (-12_345.0, "-12,345"),
            (132_000.0, "132,000"),
        ] {
            assert_eq!(number(value), text);
        }
    }
}
