//! The fixed texts, or what many of them have in common, found by a search that is quick to fail.

use aho_corasick::automaton::Automaton;
use aho_corasick::dfa::DFA;
use aho_corasick::packed::{self, Searcher};
use aho_corasick::{Anchored, Span};

use crate::scan::Literal;

/// In shorter texts the automaton is faster than the vectorised search.
const SHORT: usize = 128;
/// Masks stand for nothing in a name, and what stands around them joins.
pub(super) const MASK: &[u8] = b"***R";
/// So many texts that begin with the same three bytes are searched by these.
const MANY: usize = 4;

/// The search for them.
#[derive(Debug)]
pub(super) struct Pieces {
    automaton: Option<DFA>,
    packed: Option<Searcher>,
}

impl Pieces {
    pub(super) fn none() -> Self {
        Self { automaton: None, packed: None }
    }

    pub(super) fn of(texts: &[(Vec<u8>, Literal)]) -> Option<Self> {
        let pieces = pieces(texts);
        let automaton = DFA::new(&pieces).ok()?;
        let packed = packed::Config::new().builder().extend(&pieces).build();
        Some(Self { automaton: Some(automaton), packed })
    }

    /// Where the first one stands from a place on.
    pub(super) fn find(&self, text: &[u8], from: usize) -> Option<usize> {
        let from = from.min(text.len());
        match &self.packed {
            Some(packed) if text.len() - from >= SHORT => {
                packed.find_in(text, Span::from(from..text.len())).map(|found| found.start())
            }
            _ => first(self.automaton.as_ref()?, text, from),
        }
    }
}

/// The same byte by byte. The search of the automaton itself does more than it takes here.
fn first(automaton: &DFA, text: &[u8], from: usize) -> Option<usize> {
    let mut state = automaton.start_state(Anchored::No).ok()?;
    for (place, byte) in text.iter().enumerate().skip(from) {
        state = automaton.next_state(Anchored::No, state, *byte);
        if automaton.is_match(state) {
            let piece = automaton.match_pattern(state, 0);
            return Some(place + 1 - automaton.pattern_len(piece));
        }
    }
    None
}

fn pieces(texts: &[(Vec<u8>, Literal)]) -> Vec<&[u8]> {
    let texts = texts.iter().filter(|(_, literal)| !leaves_doubt_anyway(literal)).map(|(text, _)| &text[..]);
    let mut pieces: Vec<&[u8]> = Vec::new();
    for text in texts.clone() {
        let front = &text[..text.len().min(3)];
        let many = texts.clone().filter(|other| other.starts_with(front)).count() >= MANY;
        // `SK` and a digit are seen by their second letter.
        if !text.starts_with(b"SK") {
            pieces.push(if many { front } else { text });
        }
    }
    pieces.push(MASK);
    pieces.sort_unstable();
    pieces.dedup();
    pieces
}

/// Whether a secret of the kind has a byte in it that leaves a doubt.
pub(super) fn leaves_doubt_anyway(literal: &Literal) -> bool {
    // The at sign and the percent sign.
    matches!(literal, Literal::Scheme | Literal::At)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::literals;

    #[test]
    fn every_fixed_text_has_a_piece_in_it_or_leaves_a_doubt_anyway() {
        let texts = literals(|_| true);
        let pieces = Pieces::of(&texts).unwrap();
        for (text, literal) in &texts {
            for front in [0, 1, 20, 200] {
                let padded = [&b"x".repeat(front)[..], text, b" and more of the same length"].concat();
                let found =
                    pieces.find(&padded, 0).is_some_and(|at| (front..front + text.len()).contains(&at));
                assert!(found || text.starts_with(b"SK") || leaves_doubt_anyway(literal), "{text:?}");
            }
        }
    }
}
