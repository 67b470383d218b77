//! Puts a table where `docs/performance.md` has it, so that no figure is copied by hand.

use std::fs;

use crate::Failure;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/performance.md");
const END: &str = "<!-- end of figures -->";

/// Replaces the figures of a case on the page.
pub(crate) fn write(case: &str, table: &str) -> Result<(), Failure> {
    let page = fs::read_to_string(PAGE)?;
    let page = replaced(&page, case, table)
        .ok_or_else(|| format!("docs/performance.md has no place for the figures of {case}"))?;
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
