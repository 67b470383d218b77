use std::io;

use indicatif::ProgressBar;

use crate::arguments::Search;
use crate::failure::Failure;
use crate::printer::Printer;

pub(crate) fn run(asked: &Search) -> Result<(), Failure> {
    let mut printer = Printer::new(io::stdout().lock(), asked.json);
    let (mut left, mut before, mut damaged) = (asked.limit, asked.before, 0);
    let waiting = ProgressBar::new_spinner().with_message("searching");
    while left > 0 {
        let page = asked.query.page(&asked.dir, before, left).map_err(Failure::work)?;
        damaged += page.damaged;
        left -= page.records.len();
        waiting.suspend(|| page.records.iter().try_for_each(|line| printer.print(line)))?;
        before = page.next;
        if before.is_none() {
            break;
        }
        waiting.tick();
    }
    waiting.finish_and_clear();
    tell_damage(damaged);
    Ok(printer.flush()?)
}

pub(crate) fn tell_damage(lines: u64) {
    if lines > 0 {
        crate::say(&format!("{lines} lines are not what was written and were left out; verify the log"));
    }
}
