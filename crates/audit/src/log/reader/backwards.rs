use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use super::lines::{CHUNK, MAX_LINE};

/// Whole lines of a file from its end to its beginning, through one buffer.
#[derive(Debug)]
pub(crate) struct Backwards {
    file: File,
    /// Bytes of the file from `at` on, up to the line feed of the line that is next.
    buffer: Vec<u8>,
    at: u64,
}

impl Backwards {
    /// The lines that end before this place. What stands between the last line feed and it is half a line.
    pub(crate) fn new(file: File, end: u64) -> io::Result<Self> {
        let mut lines = Self { file, buffer: vec![b'\n'], at: end };
        let _half = lines.next()?;
        Ok(lines)
    }

    /// Where the lines begin that are still to come.
    pub(crate) fn left(&self) -> u64 {
        self.at + self.buffer.len() as u64
    }

    /// The line before, without its line feed. One that is too long comes in pieces, none of which is a record.
    pub(crate) fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            let Some(text) = self.buffer.len().checked_sub(1) else { return Ok(None) };
            if let Some(before) = memchr::memrchr(b'\n', &self.buffer[..text]) {
                return Ok(Some(self.take(before + 1)));
            }
            if self.at == 0 {
                return Ok(Some(self.take(0)));
            }
            if text >= MAX_LINE {
                let piece = self.take(0);
                self.buffer = vec![b'\n'];
                return Ok(Some(piece));
            }
            self.read_before()?;
        }
    }

    fn take(&mut self, from: usize) -> Vec<u8> {
        let mut line = self.buffer.split_off(from);
        line.pop();
        line
    }

    fn read_before(&mut self) -> io::Result<()> {
        let size = self.at.min(CHUNK as u64);
        self.at -= size;
        self.file.seek(SeekFrom::Start(self.at))?;
        let mut bytes = Vec::with_capacity(CHUNK + self.buffer.len());
        self.file.by_ref().take(size).read_to_end(&mut bytes)?;
        bytes.append(&mut self.buffer);
        self.buffer = bytes;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;

    fn all(bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        let mut lines = Backwards::new(file, bytes.len() as u64).unwrap();
        std::iter::from_fn(|| lines.next().unwrap()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn lines_come_as_they_do_forwards_and_half_a_line_does_not(
            sizes in proptest::collection::vec(prop_oneof![0..9usize, CHUNK - 4..CHUNK + 4, 0..3 * CHUNK], 0..8),
            half in prop_oneof![Just(0), 0..3 * CHUNK],
        ) {
            let lines: Vec<_> = sizes.iter().zip(b'a'..).map(|(size, letter)| vec![letter; *size]).collect();
            let mut bytes: Vec<u8> = lines.iter().flat_map(|line| [&line[..], b"\n"].concat()).collect();
            bytes.extend(vec![b'z'; half]);
            let mut expected = lines;
            expected.reverse();
            prop_assert_eq!(all(&bytes), expected);
        }
    }

    #[test]
    fn a_line_without_end_comes_in_pieces() {
        let pieces = all(&[&vec![b'x'; 3 * MAX_LINE][..], b"\nlast\n"].concat());
        assert_eq!(pieces[0], b"last");
        assert!(pieces.len() > 2 && pieces.iter().all(|piece| piece.len() <= MAX_LINE + CHUNK));
    }
}
