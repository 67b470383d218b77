use std::io::{self, BufRead, BufReader, Read as _};
use std::path::Path;

use super::borders::{Link, last_line};
use super::reader::MAX_LINE;
use super::told::kept_from;
use super::{ChainId, Head, Line, regular};

/// What a file holds, read from its beginning.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) chain: Option<ChainId>,
    /// The last record that is right.
    pub(super) head: Head,
    /// Up to where everything is right.
    pub(super) good_bytes: u64,
    /// The oldest record that is kept, if one of these says so.
    pub(super) kept_from: Option<u64>,
    pub(super) end: End,
}

/// What is behind the last record that is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing, or it was not to be read.
    Whole,
    /// A last line that is not.
    Torn,
    /// A line that is not, with others behind it.
    Bad { line: u64, kind: &'static str },
}

/// Reads the records of a file up to the one with the number `until`, and checks that each follows the one before.
///
/// The first one must have the number that the file is named by, and follow `after` if that is known.
pub(super) fn scan(path: &Path, first: u64, after: Option<Link>, until: u64) -> io::Result<Scan> {
    let mut file = BufReader::with_capacity(256 << 10, regular::open(path)?);
    let (chain, head) = after.unzip();
    let before = Head { seq: first.saturating_sub(1), ..Head::START };
    let head = head.unwrap_or(before);
    let mut scan = Scan { chain, head, good_bytes: 0, kept_from: None, end: End::Whole };
    let (mut line, mut number) = (Vec::new(), 0);
    while scan.head.seq < until {
        let bytes = read_line(&mut file, &mut line)?;
        if bytes == 0 {
            break;
        }
        number += 1;
        match next(&scan, &line, number == 1 && after.is_none()) {
            Ok((chain, head, kept_from)) => {
                (scan.chain, scan.head) = (Some(chain), head);
                scan.good_bytes += bytes;
                scan.kept_from = scan.kept_from.max(kept_from);
            }
            Err(kind) => {
                let is_torn = file.fill_buf()?.is_empty() && !is_whole(&line);
                scan.end = if is_torn { End::Torn } else { End::Bad { line: number, kind } };
                break;
            }
        }
    }
    Ok(scan)
}

/// The next line, and how many bytes it has. Of one that is longer than any record only the beginning is kept.
fn read_line(file: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<u64> {
    line.clear();
    let bytes = file.by_ref().take(MAX_LINE as u64).read_until(b'\n', line)?;
    let is_longer = bytes == MAX_LINE && line.last() != Some(&b'\n');
    let rest = if is_longer { file.skip_until(b'\n')? } else { 0 };
    Ok((bytes + rest) as u64)
}

/// Whether it is a record as it was once written, if perhaps not here: no crash leaves that where another one is due.
fn is_whole(line: &[u8]) -> bool {
    line.strip_suffix(b"\n").and_then(|line| Line::parse(line).ok()).is_some_and(|line| line.is_whole())
}

fn next(scan: &Scan, line: &[u8], is_free: bool) -> Result<(ChainId, Head, Option<u64>), &'static str> {
    let line = line.strip_suffix(b"\n").and_then(|line| Line::parse(line).ok()).ok_or("bad_line")?;
    let chain = scan.chain.unwrap_or(line.chain);
    // What came before the oldest file that is left is known from that file alone.
    let before = if is_free { Head { hash: line.prev, ..scan.head } } else { scan.head };
    let head = line.follows(&before, chain).map_err(super::Fault::as_str)?;
    Ok((chain, head, kept_from(line.event)))
}

/// The last record of a file, as it claims to be; `None` if the last line is not one.
pub(super) fn last_head(path: &Path) -> io::Result<Option<Link>> {
    let last = last_line(path)?.unwrap_or_default();
    Ok(Line::parse(&last).ok().map(|line| (line.chain, line.head())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_end_is_read_over_and_not_taken_into_memory() {
        let length = 50 * MAX_LINE as u64 + 7;
        let mut file = BufReader::new(io::repeat(0).take(length).chain(&b"\nlast\n"[..]));
        let mut line = Vec::new();
        assert_eq!(read_line(&mut file, &mut line).unwrap(), length + 1);
        assert!(!line.ends_with(b"\n") && line.capacity() <= 4 * MAX_LINE, "{}", line.capacity());
        assert_eq!((read_line(&mut file, &mut line).unwrap(), &line[..]), (5, &b"last\n"[..]));
        assert_eq!(read_line(&mut file, &mut line).unwrap(), 0);
    }
}
