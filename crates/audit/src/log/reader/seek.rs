use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use super::super::line::Line;
use super::lines::{CHUNK, Lines, MAX_LINE, Next};

/// A place in a file where a line begins, at or before the record with this number and not far from it.
///
/// Halves the file again and again. Where it is not what it should be this may miss, but only towards a place from
/// which reading on shows the damage.
pub(super) fn near(file: &mut File, seq: u64) -> io::Result<u64> {
    let (mut low, mut high) = (0, file.metadata()?.len());
    while high - low > CHUNK as u64 {
        let middle = low + (high - low) / 2;
        match line_after(file, middle, high)? {
            Some((at, found)) if found <= seq => low = at,
            _ => high = middle,
        }
    }
    Ok(low)
}

/// Where the first line begins that is not before this record, or the file ends.
pub(crate) fn place_of(file: &mut File, seq: u64) -> io::Result<u64> {
    let mut lines = Lines::new(file.try_clone()?, near(file, seq)?)?;
    loop {
        let at = lines.offset();
        match lines.next()? {
            Next::Line(line) if Line::split(line).is_none_or(|line| line.seq < seq) => {}
            _ => return Ok(at),
        }
    }
}

/// The first line that begins behind one place and before another: where, and the number it has.
fn line_after(file: &mut File, from: u64, before: u64) -> io::Result<Option<(u64, u64)>> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(from))?;
    let mut ends = Vec::with_capacity(2);
    while ends.len() < 2 && bytes.len() < 2 * MAX_LINE {
        let known = bytes.len();
        if file.by_ref().take(CHUNK as u64).read_to_end(&mut bytes)? == 0 {
            return Ok(None);
        }
        ends.extend(memchr::memchr_iter(b'\n', &bytes[known..]).map(|at| known + at).take(2 - ends.len()));
    }
    let [first, second] = ends[..] else { return Ok(None) };
    let at = from + first as u64 + 1;
    let seq = Line::split(&bytes[first + 1..second]).map(|line| line.seq);
    Ok(seq.filter(|_| at < before).map(|seq| (at, seq)))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::super::super::chain::{ChainId, Head};
    use super::super::super::line::seal;
    use super::*;

    /// A file of records of all sizes, and where each begins.
    fn file() -> (File, Vec<u64>) {
        let (mut head, mut bytes, mut places) = (Head::START, Vec::new(), Vec::new());
        for n in 0..1500 {
            places.push(bytes.len() as u64);
            let size = if n % 200 == 7 { 3 * CHUNK } else { n % 97 };
            let event = format!("{{\"x\":\"{}\"}}", "x".repeat(size));
            head = seal(ChainId::from_bytes([7; 16]), head, event.as_bytes(), &mut bytes);
        }
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        places.push(bytes.len() as u64);
        (file, places)
    }

    #[test]
    fn a_search_ends_at_the_beginning_of_a_line_not_behind_the_record_and_not_far_before_it() {
        let (mut file, places) = file();
        for (seq, place) in (1..).zip(&places) {
            let found = near(&mut file, seq).unwrap();
            assert!(places.contains(&found) && found <= *place, "{seq}: {found}, {place}");
            let longest = (4 * CHUNK) as u64;
            assert!(place - found <= 2 * longest, "{seq}: {found}, {place}");
        }
        assert_eq!(near(&mut file, 0).unwrap(), 0);
    }

    #[test]
    fn the_place_of_a_record_is_where_it_begins() {
        let (mut file, places) = file();
        for seq in (0..=1510).step_by(13) {
            let expected = places[(seq.max(1) - 1).min(1500)];
            assert_eq!(place_of(&mut file, seq as u64).unwrap(), expected, "{seq}");
        }
    }
}
