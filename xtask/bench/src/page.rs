//! Puts a table where `docs/performance.md` has it, so that no figure is copied by hand.

use std::fs;

use crate::experiment::Findings;
use crate::report::Table;
use crate::{Failure, cases, report};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/performance.md");
const END: &str = "<!-- end of figures -->";

/// Replaces the figures of these cases and experiments on the page; those of the budgets only if no case is missing.
pub(crate) fn write_all(tables: &[Table], findings: &[Findings]) -> Result<(), Failure> {
    let page = fs::read_to_string(PAGE)?;
    let with = |page: String, name: &str, figures: &str| {
        replaced(&page, name, figures)
            .ok_or_else(|| format!("docs/performance.md has no place for the figures of {name}"))
    };
    let write = |page, table: &Table| with(page, table.case.name, &report::markdown(table));
    let mut page = tables.iter().try_fold(page, write)?;
    for findings in findings {
        page = with(page, findings.experiment.name, &report::findings_markdown(findings))?;
    }
    if tables.len() == cases::ALL.len() {
        page = with(page, "budgets", &report::budgets(tables, findings))?;
    }
    Ok(fs::write(PAGE, page)?)
}

fn replaced(page: &str, case: &str, table: &str) -> Option<String> {
    let begin = format!("<!-- figures: {case} -->");
    let (before, rest) = page.split_once(&begin)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{begin}\n\n{table}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_figures_of_the_case_change() {
        let page = "a\n<!-- figures: x -->\nold\n<!-- end of figures -->\nb\n<!-- figures: y -->\nkept\n<!-- end of figures -->\n";
        let changed = replaced(page, "x", "new").unwrap_or_default();
        assert_eq!(changed, page.replace("\nold\n", "\n\nnew\n"));
        assert_eq!(replaced(page, "z", "new"), None);
    }
}
