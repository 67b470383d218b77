use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

use buttress_audit::log::{OwnedLine, Query, ReadError, Reader};

use crate::arguments::{Search, Tail};
use crate::failure::Failure;
use crate::printer::Printer;
use crate::search::tell_damage;

/// How often a log is looked at for news.
const PAUSE: Duration = Duration::from_millis(200);

pub(crate) fn run(asked: &Tail) -> Result<(), Failure> {
    let search = &asked.search;
    let mut printer = Printer::new(io::stdout().lock(), search.json);
    // Found first, so that nothing is left out between what is there and what is to come.
    let newest = newest(&search.dir)?;
    for line in last(search, newest + 1)?.iter().rev() {
        printer.print(line)?;
    }
    printer.flush()?;
    if asked.follow { follow(search, newest + 1, &mut printer) } else { Ok(()) }
}

/// The number of the newest record; 0 if there is none.
fn newest(dir: &Path) -> Result<u64, Failure> {
    let page = Query::new().page(dir, None, 1).map_err(Failure::work)?;
    Ok(page.records.first().map_or(0, OwnedLine::seq))
}

/// The newest records that fit, from the newest on.
fn last(search: &Search, before: u64) -> Result<Vec<OwnedLine>, Failure> {
    let (mut found, mut next, mut damaged) = (Vec::new(), Some(before), 0);
    while let Some(before) = next.filter(|_| found.len() < search.limit) {
        let page = search.query.page(&search.dir, Some(before), search.limit - found.len());
        let page = page.map_err(Failure::work)?;
        damaged += page.damaged;
        found.extend(page.records);
        next = page.next;
    }
    tell_damage(damaged);
    Ok(found)
}

fn follow(search: &Search, from: u64, printer: &mut Printer<impl io::Write>) -> Result<(), Failure> {
    let mut reader = Reader::open(&search.dir).map_err(Failure::work)?.from_seq(from);
    loop {
        let lines = match reader.next_batch(1000, 1024 * 1024) {
            Err(ReadError::Pruned { wanted, first }) => {
                crate::say(&format!("records {wanted} to {} were deleted before they were read", first - 1));
                reader = reader.from_seq(first);
                continue;
            }
            lines => lines.map_err(Failure::work)?,
        };
        for line in lines.iter().filter(|line| search.query.matches(line.event())) {
            printer.print(line)?;
        }
        printer.flush()?;
        if lines.is_empty() {
            wait();
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a command of one thread has nothing else to do meanwhile")]
fn wait() {
    thread::sleep(PAUSE);
}
