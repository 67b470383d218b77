//! How deep the brackets of a JSON text are, where it has no backslash.

use super::block::{LEN, bits_of, padded};

/// Whether no place is inside more brackets than so many, if the text is JSON without escapes.
pub(crate) fn is_at_most(text: &[u8], most: usize) -> bool {
    text.len() <= most || opened(text) <= most || deepest(text) <= most
}

fn blocks(text: &[u8]) -> impl Iterator<Item = [u8; LEN]> {
    let (blocks, rest) = text.as_chunks();
    blocks.iter().copied().chain((!rest.is_empty()).then(|| padded(rest)))
}

/// How many brackets are opened, in strings and outside.
fn opened(text: &[u8]) -> usize {
    blocks(text).map(|block| bits_of(&block, b'{', b'[')).filter(|bits| *bits != 0).map(count).sum()
}

fn count(bits: u64) -> usize {
    bits.count_ones() as usize
}

/// How deep the brackets outside of strings are.
fn deepest(text: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_string) = (0_usize, 0, 0);
    for block in blocks(text) {
        let quoted = inside(bits_of(&block, b'"', b'"')) ^ in_string;
        in_string = if quoted >> 63 == 1 { u64::MAX } else { 0 };
        let opening = bits_of(&block, b'{', b'[') & !quoted;
        let mut brackets = opening | bits_of(&block, b'}', b']') & !quoted;
        while brackets != 0 {
            let bracket = brackets & brackets.wrapping_neg();
            brackets ^= bracket;
            depth = if opening & bracket != 0 { depth + 1 } else { depth.saturating_sub(1) };
            deepest = deepest.max(depth);
        }
    }
    deepest
}

/// A bit for each place behind an odd number of quotes, those of the quotes included that open.
fn inside(quotes: u64) -> u64 {
    [1, 2, 4, 8, 16, 32].iter().fold(quotes, |bits, step| bits ^ bits << step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_strings_neither_open_nor_close() {
        let closing = "\"}]}]\",".repeat(40);
        for (text, depth) in [
            (String::new(), 0),
            ("[[]]".to_owned(), 2),
            ("[\"[[[\",[{}]]".to_owned(), 3),
            (format!("[{closing}[{closing}[1]]]"), 3),
            (format!("[{}[]]", "[],".repeat(100)), 2),
            (format!("[\"{}\",[]]", "[".repeat(200)), 2),
        ] {
            assert_eq!(deepest(text.as_bytes()), depth, "{text}");
            assert!(is_at_most(text.as_bytes(), depth), "{text}");
            assert!(depth == 0 || !is_at_most(text.as_bytes(), depth - 1), "{text}");
        }
    }
}
