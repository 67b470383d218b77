use std::ops::Range;

use super::stack::Stack;
use super::{NotJson, escape, number, redact, skip, unescape};
use crate::detect::card;
use crate::detector::Detector;
use crate::mask::Mask;
use crate::name::{Names, Treatment};
use crate::report::Report;
use crate::rules::Rules;
use crate::scan::{Scan, Span};
use crate::sink::Sink;

/// How many times JSON may stand as a string within JSON and still be walked; deeper it is text.
const MOST_NESTED: u8 = 3;
/// No secret that is known by its looks is shorter.
const SHORTEST_SECRET: usize = 6;
const SHORTEST_CARD: usize = 14;

/// One pass over a JSON text.
pub(crate) struct Walk<'a, 's, 'o> {
    rules: &'a Rules,
    text: &'a [u8],
    at: usize,
    stack: Stack,
    scan: Scan<'a>,
    sink: &'s mut Sink<'o>,
    nested: u8,
    scratch: Vec<u8>,
}

/// What comes after a value.
enum Next {
    End,
    /// A value, and what its name says about it.
    Value(Option<Treatment>),
}

impl<'a, 's, 'o> Walk<'a, 's, 'o> {
    pub(crate) fn new(rules: &'a Rules, text: &'a [u8], nested: u8, sink: &'s mut Sink<'o>) -> Self {
        let scan = Scan::new(rules, text);
        Self { rules, text, at: 0, stack: Stack::default(), scan, sink, nested, scratch: Vec::new() }
    }

    /// Walks to the end, or to where it is no JSON.
    pub(crate) fn document(mut self) -> Result<(), NotJson> {
        self.blanks();
        let mut next = Next::Value(None);
        while let Next::Value(treatment) = next {
            let opened = self.value(treatment)?;
            next = self.next(opened)?;
        }
        if self.at == self.text.len() { Ok(()) } else { Err(NotJson) }
    }

    /// Goes on to the next value, if there is one.
    #[inline]
    fn next(&mut self, opened: bool) -> Result<Next, NotJson> {
        self.blanks();
        if opened && !self.closes() {
            return self.member().map(Next::Value);
        }
        while self.stack.depth() > 0 {
            if self.eats(b',') {
                self.blanks();
                return self.member().map(Next::Value);
            }
            if !self.closes() {
                return Err(NotJson);
            }
        }
        Ok(Next::End)
    }

    /// Goes out of the innermost bracket, if it is closed here.
    #[inline]
    fn closes(&mut self) -> bool {
        let closes = self.eats(if self.stack.in_object() { b'}' } else { b']' });
        if closes {
            self.stack.pop();
            self.blanks();
        }
        closes
    }

    /// Goes to the value of a member, and says what its name says about it. In a list there are no names.
    #[inline]
    fn member(&mut self) -> Result<Option<Treatment>, NotJson> {
        if self.stack.in_object() { self.name() } else { Ok(None) }
    }

    #[inline]
    fn blanks(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.text.get(self.at) {
            self.at += 1;
        }
    }

    fn eats(&mut self, byte: u8) -> bool {
        let eats = self.text.get(self.at) == Some(&byte);
        self.at += usize::from(eats);
        eats
    }

    /// Reads a name and its colon, and says what the name says about the value.
    #[inline]
    fn name(&mut self) -> Result<Option<Treatment>, NotJson> {
        if !self.eats(b'"') {
            return Err(NotJson);
        }
        let start = self.at;
        let string = skip::string(self.text, start)?;
        let name = &self.text[start..string.at];
        let treatment = if string.escaped {
            self.escaped(start..string.at, None)?;
            self.rules.told_by(&self.scratch, Names::of)
        } else if self.plain(start..string.at, string.loud) {
            self.rules.told_by(name, Names::of)
        } else {
            self.rules.names.of(name)
        };
        self.at = string.at + 1;
        self.blanks();
        if !self.eats(b':') {
            return Err(NotJson);
        }
        self.blanks();
        Ok(treatment)
    }

    /// Reads a value, and says whether it is a bracket that was gone into.
    #[inline]
    fn value(&mut self, treatment: Option<Treatment>) -> Result<bool, NotJson> {
        match *self.text.get(self.at).ok_or(NotJson)? {
            b'"' => self.string(treatment)?,
            b'{' => return self.open(true, treatment),
            b'[' => return self.open(false, treatment),
            b't' => self.word(b"true")?,
            b'f' => self.word(b"false")?,
            b'n' => self.word(b"null")?,
            _ => self.number(treatment)?,
        }
        Ok(false)
    }

    fn word(&mut self, word: &[u8]) -> Result<(), NotJson> {
        if !self.text[self.at..].starts_with(word) {
            return Err(NotJson);
        }
        self.at += word.len();
        Ok(())
    }

    fn open(&mut self, object: bool, treatment: Option<Treatment>) -> Result<bool, NotJson> {
        let hidden = treatment.is_some_and(Treatment::hides_containers);
        let too_deep = self.stack.depth() >= self.rules.max_depth;
        if hidden || too_deep {
            let start = self.at;
            self.at = skip::container(self.text, start)?;
            self.hide_container(start..self.at, if hidden { Mask::Hidden } else { Mask::TOO_DEEP });
            return Ok(false);
        }
        self.at += 1;
        self.stack.push(object);
        Ok(true)
    }

    fn hide_container(&mut self, range: Range<usize>, mask: Mask<'static>) {
        if mask == Mask::TOO_DEEP {
            self.sink.report.limit();
            self.sink.put(range.start, range.end, Report::default(), |out| mask.write_quoted(out));
        } else {
            self.sink.replace_quoted(&Span::named(range, mask));
        }
    }

    fn number(&mut self, treatment: Option<Treatment>) -> Result<(), NotJson> {
        let start = self.at;
        self.at += number::len(&self.text[start..]).ok_or(NotJson)?;
        let digits = &self.text[start..self.at];
        if let Some(mask) = treatment.and_then(|treatment| treatment.of_number(digits)) {
            self.sink.replace_quoted(&Span::named(start..self.at, mask));
        } else if digits.len() >= SHORTEST_CARD
            && self.rules.detectors.has(Detector::Cards)
            && let Some(last) = card::alone(digits)
        {
            self.sink.replace_quoted(&Span::new(start..self.at, Mask::Card(last)));
        }
        Ok(())
    }

    #[inline]
    fn string(&mut self, treatment: Option<Treatment>) -> Result<(), NotJson> {
        let start = self.at + 1;
        let string = skip::string(self.text, start)?;
        let range = start..string.at;
        self.at = string.at + 1;
        if string.escaped {
            return self.escaped(range, treatment);
        }
        match treatment.and_then(|of| of.of_text(&self.text[range.clone()])) {
            Some(mask) => self.sink.replace(&Span::named(range, mask)),
            None => _ = self.plain(range, string.loud),
        }
        Ok(())
    }

    /// Looks for secrets in a string without escapes, and says whether it did.
    #[inline]
    fn plain(&mut self, range: Range<usize>, loud: bool) -> bool {
        let looks = range.len() >= SHORTEST_SECRET && (loud || !self.scan.is_quiet_to(range.end));
        if looks {
            self.scan.window(range, self.sink);
        }
        looks
    }

    /// A string with escapes is judged by what it stands for, which is left in the scratch space.
    #[cold]
    fn escaped(&mut self, range: Range<usize>, treatment: Option<Treatment>) -> Result<(), NotJson> {
        unescape(&self.text[range.clone()], &mut self.scratch)?;
        if let Some(mask) = treatment.and_then(|of| of.of_text(&self.scratch)) {
            self.sink.replace(&Span::named(range, mask));
            return Ok(());
        }
        let (inner, report) = self.inner();
        if let Some(inner) = inner {
            self.sink.put(range.start, range.end, report, |out| escape(&inner, out));
        }
        Ok(())
    }

    /// What becomes of the scratch space, as JSON if it is some and as text otherwise; nothing if it may stay.
    fn inner(&self) -> (Option<Vec<u8>>, Report) {
        let text = self.scratch.as_slice();
        let may_be_json = matches!(text.trim_ascii_start().first(), Some(b'{' | b'['));
        if may_be_json && self.nested < MOST_NESTED {
            let mut sink = Sink::new(text);
            if redact(self.rules, text, self.nested + 1, &mut sink).is_ok() {
                return taken(sink);
            }
        }
        let mut sink = Sink::new(text);
        Scan::new(self.rules, text).window(0..text.len(), &mut sink);
        taken(sink)
    }
}

fn taken(sink: Sink<'_>) -> (Option<Vec<u8>>, Report) {
    if !sink.changed() {
        return (None, Report::default());
    }
    let (out, report) = sink.finish();
    (Some(out), report)
}
