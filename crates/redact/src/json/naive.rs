//! The same walk, written as plainly as can be, and what both of them say: each name is looked up in full, each string
//! is looked at by itself, one byte follows another, and nothing is remembered between them.

use std::ops::Range;

use proptest::prelude::*;

use super::documents::{REDACTORS, documents};
use super::{NotJson, escape, number, unescape};
use crate::Redactor;
use crate::detect::armour::{ends_key, is_of_a_key, opens_key};
use crate::detector::Detector;
use crate::doubt::Doubts;
use crate::mask::Mask;
use crate::name::Treatment;
use crate::report::Report;
use crate::rules::Rules;
use crate::scan::{Scan, Span};
use crate::sink::Sink;

struct Naive<'a, 's, 'o> {
    rules: &'a Rules,
    text: &'a [u8],
    at: usize,
    depth: usize,
    nested: u8,
    in_list: bool,
    in_key: bool,
    sink: &'s mut Sink<'o>,
}

fn redact(rules: &Rules, text: &[u8], nested: u8, sink: &mut Sink<'_>) -> Result<(), NotJson> {
    let mut naive = Naive { rules, text, at: 0, depth: 0, nested, in_list: true, in_key: false, sink };
    naive.value(None)?;
    if naive.at == text.len() { Ok(()) } else { Err(NotJson) }
}

impl Naive<'_, '_, '_> {
    fn blanks(&mut self) {
        while matches!(self.text.get(self.at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn eats(&mut self, byte: u8) -> bool {
        let eats = self.text.get(self.at) == Some(&byte);
        self.at += usize::from(eats);
        eats
    }

    fn needs(&mut self, byte: u8) -> Result<(), NotJson> {
        if self.eats(byte) { Ok(()) } else { Err(NotJson) }
    }

    /// A value with the blanks around it.
    fn value(&mut self, told: Option<Treatment>) -> Result<(), NotJson> {
        self.blanks();
        let start = self.at;
        match self.text.get(start).ok_or(NotJson)? {
            b'{' | b'[' if told.is_some_and(Treatment::hides_containers) => self.hidden(Mask::Hidden)?,
            b'{' | b'[' if self.depth == self.rules.max_depth => self.hidden(Mask::TOO_DEEP)?,
            b'{' => self.list(b'{', b'}')?,
            b'[' => self.list(b'[', b']')?,
            b'"' => {
                let range = self.string()?;
                self.item(range, told)?;
            }
            b't' | b'f' | b'n' => {
                let words = [&b"true"[..], b"false", b"null"];
                let word = words.iter().find(|word| self.text[start..].starts_with(word)).ok_or(NotJson)?;
                self.at += word.len();
            }
            _ => self.number(told)?,
        }
        self.blanks();
        Ok(())
    }

    /// The range between the quotes of a string.
    fn string(&mut self) -> Result<Range<usize>, NotJson> {
        self.needs(b'"')?;
        let start = self.at;
        while *self.text.get(self.at).ok_or(NotJson)? != b'"' {
            self.at += if self.text[self.at] == b'\\' { 2 } else { 1 };
        }
        self.at += 1;
        Ok(start..self.at - 1)
    }

    fn list(&mut self, open: u8, close: u8) -> Result<(), NotJson> {
        self.needs(open)?;
        self.depth += 1;
        self.in_key = false;
        self.blanks();
        let mut more = !self.eats(close);
        while more {
            self.in_list = open == b'[';
            let told = if open == b'{' { self.name()? } else { None };
            self.value(told)?;
            more = self.eats(b',');
            if !more {
                self.needs(close)?;
            }
        }
        self.depth -= 1;
        self.in_key = false;
        Ok(())
    }

    fn name(&mut self) -> Result<Option<Treatment>, NotJson> {
        self.blanks();
        let range = self.string()?;
        let mut name = Vec::new();
        unescape(&self.text[range.clone()], &mut name)?;
        let told = self.told_by(&name);
        self.text_value(range, None)?;
        self.blanks();
        self.needs(b':')?;
        Ok(told)
    }

    /// What a name says, as it is or with masks for what is found in it.
    fn told_by(&self, name: &[u8]) -> Option<Treatment> {
        let (masked, of) = (found_in(self.rules, name), |name: &[u8]| self.rules.names.in_full(name));
        match (of(name), masked.and_then(|masked| of(&masked))) {
            (Some(told), Some(masked)) if told != masked => Some(Treatment::Hide),
            (told, masked) => told.or(masked),
        }
    }

    /// A string that is no name. Behind the first line of a private key come the others.
    fn item(&mut self, range: Range<usize>, told: Option<Treatment>) -> Result<(), NotJson> {
        let mut line = Vec::new();
        unescape(&self.text[range.clone()], &mut line)?;
        if self.in_key && (is_of_a_key(&line) || ends_key(&line)) {
            self.in_key = !ends_key(&line);
            self.sink.replace(&Span::new(range, Mask::Kind("private_key")));
            return Ok(());
        }
        let hidden = told.and_then(|told| told.of_text(&line)).is_some();
        let known = self.rules.detectors.has(Detector::PrivateKeys);
        self.in_key = self.in_list && known && !hidden && opens_key(&line);
        self.text_value(range, told)
    }

    fn text_value(&mut self, range: Range<usize>, told: Option<Treatment>) -> Result<(), NotJson> {
        let raw = &self.text[range.clone()];
        let mut plain = Vec::new();
        unescape(raw, &mut plain)?;
        if let Some(mask) = told.and_then(|told| told.of_text(&plain)) {
            self.sink.replace(&Span::named(range, mask));
            return Ok(());
        }
        let escaped = raw.contains(&b'\\');
        let mut inner = Sink::new(&plain);
        let may_be_json = escaped && matches!(plain.trim_ascii_start().first(), Some(b'{' | b'['));
        if !may_be_json
            || self.nested == 3
            || redact(self.rules, &plain, self.nested + 1, &mut inner).is_err()
        {
            inner.restart();
            Scan::new(self.rules, &plain).window(0..plain.len(), &mut inner);
        }
        if inner.changed() {
            let (text, report) = inner.finish();
            let write =
                |out: &mut Vec<u8>| if escaped { escape(&text, out) } else { out.extend_from_slice(&text) };
            self.sink.put(range.start, range.end, report, write);
        }
        Ok(())
    }

    fn number(&mut self, told: Option<Treatment>) -> Result<(), NotJson> {
        let start = self.at;
        self.at += number::len(&self.text[start..]).ok_or(NotJson)?;
        let digits = &self.text[start..self.at];
        if let Some(mask) = told.and_then(|told| told.of_number(digits)) {
            self.sink.replace_quoted(&Span::named(start..self.at, mask));
        } else if let Some(mask) = self.rules.of_number(digits) {
            self.sink.replace_quoted(&Span::new(start..self.at, mask));
        }
        Ok(())
    }

    /// A list or map, of which only brackets and strings are followed.
    fn hidden(&mut self, mask: Mask<'static>) -> Result<(), NotJson> {
        let (start, mut open) = (self.at, 0);
        loop {
            match self.text.get(self.at).ok_or(NotJson)? {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' | b'[' => open += 1,
                b'}' | b']' => open -= 1,
                _ => {}
            }
            self.at += 1;
            if open == 0 {
                break;
            }
        }
        if mask == Mask::Hidden {
            self.sink.replace_quoted(&Span::named(start..self.at, mask));
        } else {
            self.sink.report.limit();
            self.sink.put(start, self.at, Report::default(), |out| mask.write_quoted(out));
        }
        Ok(())
    }
}

/// What becomes of a text, if anything is found in it.
fn found_in(rules: &Rules, text: &[u8]) -> Option<Vec<u8>> {
    let mut sink = Sink::new(text);
    Scan::new(rules, text).window(0..text.len(), &mut sink);
    sink.changed().then(|| sink.finish().0)
}

/// What becomes of a text, looked at in full.
pub(crate) fn text(rules: &Rules, text: &[u8]) -> Vec<u8> {
    found_in(rules, text).unwrap_or_else(|| text.to_vec())
}

/// What becomes of JSON, looked at in full.
pub(crate) fn json(rules: &Rules, json: &[u8]) -> Vec<u8> {
    let mut sink = Sink::new(json);
    if redact(rules, json, 0, &mut sink).is_ok() { sink.finish().0 } else { text(rules, json) }
}

type Outcome = Result<(String, Report), NotJson>;

fn outcome(
    walk: impl Fn(&Rules, &[u8], &mut Sink<'_>) -> Result<(), NotJson>,
    rules: &Rules,
    json: &[u8],
) -> Outcome {
    let mut sink = Sink::new(json);
    walk(rules, json, &mut sink)?;
    let (out, report) = sink.finish();
    Ok((String::from_utf8_lossy(&out).into_owned(), report))
}

fn assert_same(redactor: &Redactor, json: &[u8]) {
    let quick = |rules: &Rules, json: &[u8], sink: &mut Sink<'_>| {
        super::redact(rules, json, 0, Doubts::new(rules, json), sink)
    };
    let plain = |rules: &Rules, json: &[u8], sink: &mut Sink<'_>| redact(rules, json, 0, sink);
    let quick = outcome(quick, &redactor.rules, json);
    assert_eq!(quick, outcome(plain, &redactor.rules, json), "{}", String::from_utf8_lossy(json));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_walk_says_what_the_plain_one_says(json in documents(), cut in 0_usize..400, whole in any::<bool>()) {
        let json = if whole { json.as_bytes() } else { &json.as_bytes()[..cut.min(json.len())] };
        REDACTORS.iter().for_each(|redactor| assert_same(redactor, json));
    }
}

#[test]
fn the_walk_says_what_the_plain_one_says_about_the_corpus() {
    let corpus =
        [include_str!("../../tests/corpus/json.positive"), include_str!("../../tests/corpus/json.negative")];
    for line in corpus.iter().flat_map(|file| file.lines()) {
        let line = line.strip_prefix("< ").or_else(|| line.strip_prefix("> ")).unwrap_or(line);
        REDACTORS.iter().for_each(|redactor| assert_same(redactor, line.as_bytes()));
    }
}
