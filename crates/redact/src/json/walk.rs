use std::ops::Range;

use super::reader::Reader;
use super::stack::Stack;
use super::{NotJson, escape, number, redact, unescape};
use crate::detect::armour::{ends_key, is_of_a_key, opens_key};
use crate::detector::Detector;
use crate::doubt::Doubts;
use crate::effort;
use crate::mask::Mask;
use crate::name::{Names, Treatment};
use crate::pass::whole;
use crate::report::Report;
use crate::rules::Rules;
use crate::scan::{Scan, Span};
use crate::sink::Sink;

/// How many times JSON may stand as a string within JSON and still be walked; deeper it is text.
const MOST_NESTED: u8 = 3;
/// A shorter number is neither a card nor a secret that the user has told of.
const SHORTEST_NUMBER: usize = 6;
const KEY: Mask<'static> = Mask::Kind("private_key");

/// One pass over a JSON text.
pub(crate) struct Walk<'a, 's, 'o> {
    rules: &'a Rules,
    text: &'a [u8],
    at: usize,
    reader: Reader<'a>,
    stack: Stack,
    scan: Scan<'a>,
    sink: &'s mut Sink<'o>,
    doubts: Doubts<'a>,
    /// Whether the strings of this list are the lines of a private key.
    in_key: bool,
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
    pub(crate) fn new(
        rules: &'a Rules,
        text: &'a [u8],
        nested: u8,
        doubts: Doubts<'a>,
        sink: &'s mut Sink<'o>,
    ) -> Self {
        Self {
            rules,
            text,
            at: 0,
            reader: Reader::new(text),
            stack: Stack::default(),
            scan: Scan::new(rules, text),
            sink,
            doubts,
            in_key: false,
            nested,
            scratch: Vec::new(),
        }
    }

    /// Walks to the end, or to where it is no JSON.
    pub(crate) fn document(mut self) -> Result<(), NotJson> {
        let mut next = Next::Value(None);
        while let Next::Value(treatment) = next {
            let opened = self.value(treatment)?;
            next = self.next(opened)?;
        }
        self.token();
        if self.at == self.text.len() { Ok(()) } else { Err(NotJson) }
    }

    /// Goes on to the next value, if there is one.
    #[inline]
    fn next(&mut self, opened: bool) -> Result<Next, NotJson> {
        let mut opened = opened;
        while self.stack.depth() > 0 {
            let token = self.token();
            if token == self.stack.closing() {
                self.at += 1;
                self.stack.pop();
                self.in_key = false;
            } else if opened {
                return self.member().map(Next::Value);
            } else if token == b',' {
                self.at += 1;
                return self.member().map(Next::Value);
            } else {
                return Err(NotJson);
            }
            opened = false;
        }
        Ok(Next::End)
    }

    /// Goes to the value of a member, and says what its name says about it. In a list there are no names.
    #[inline]
    fn member(&mut self) -> Result<Option<Treatment>, NotJson> {
        if self.stack.closing() == b'}' { self.name() } else { Ok(None) }
    }

    /// Goes to the next byte that is no blank; at the end of the text it is zero, which is no JSON either.
    #[inline]
    fn token(&mut self) -> u8 {
        match self.text.get(self.at) {
            Some(byte) if *byte > b' ' => *byte,
            _ => self.token_behind_blanks(),
        }
    }

    fn token_behind_blanks(&mut self) -> u8 {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.text.get(self.at) {
            self.at += 1;
        }
        self.text.get(self.at).copied().unwrap_or_default()
    }

    /// Reads a name and its colon, and says what the name says about the value.
    #[inline]
    fn name(&mut self) -> Result<Option<Treatment>, NotJson> {
        if self.token() != b'"' {
            return Err(NotJson);
        }
        let start = self.at + 1;
        let string = self.reader.string(start)?;
        self.at = string.at + 1;
        if self.token() != b':' {
            return Err(NotJson);
        }
        let colon = self.at;
        self.at += 1;
        if string.escaped {
            self.escaped(start..string.at, None)?;
            return Ok(self.rules.told_by(&self.scratch, Names::of));
        }
        // What a name says about its value leaves a doubt at the colon, if not in the name itself.
        if self.doubts.next(start) > colon { Ok(None) } else { Ok(self.doubtful_name(start..string.at)) }
    }

    fn doubtful_name(&mut self, range: Range<usize>) -> Option<Treatment> {
        let name = &self.text[range.clone()];
        if self.look(range) { self.rules.told_by(name, Names::of) } else { self.rules.names.of(name) }
    }

    /// Reads a value, and says whether it is a bracket that was gone into.
    #[inline]
    fn value(&mut self, treatment: Option<Treatment>) -> Result<bool, NotJson> {
        match self.token() {
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
            self.at = self.container(start)?;
            self.hide_container(start..self.at, if hidden { Mask::Hidden } else { Mask::TOO_DEEP });
            return Ok(false);
        }
        self.at += 1;
        self.in_key = false;
        self.stack.push(object);
        Ok(true)
    }

    /// The place behind the bracket that closes the one at a place. What stands inside is going to be hidden, so only
    /// its brackets and strings are followed.
    fn container(&mut self, from: usize) -> Result<usize, NotJson> {
        let (mut at, mut depth) = (from, 0_usize);
        loop {
            match self.text.get(at).ok_or(NotJson)? {
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                b'"' => at = self.reader.string(at + 1)?.at,
                _ => {}
            }
            at += 1;
            if depth == 0 {
                effort::spend(at - from);
                return Ok(at);
            }
        }
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
        } else if digits.len() >= SHORTEST_NUMBER
            && let Some(mask) = self.rules.of_number(digits)
        {
            self.sink.replace_quoted(&Span::new(start..self.at, mask));
        }
        Ok(())
    }

    #[inline]
    fn string(&mut self, treatment: Option<Treatment>) -> Result<(), NotJson> {
        let start = self.at + 1;
        let string = self.reader.string(start)?;
        let range = start..string.at;
        self.at = string.at + 1;
        if string.escaped {
            return self.escaped(range, treatment);
        }
        if self.in_key && self.key_goes_on(&self.text[range.clone()]) {
            self.sink.replace(&Span::new(range, KEY));
            return Ok(());
        }
        match treatment.and_then(|of| of.of_text(&self.text[range.clone()])) {
            Some(mask) => self.sink.replace(&Span::named(range, mask)),
            None if self.look(range.clone()) => self.in_key = self.opens_key(&self.text[range]),
            None => {}
        }
        Ok(())
    }

    /// Whether a string of a list is the next line of a private key.
    fn key_goes_on(&mut self, line: &[u8]) -> bool {
        self.in_key = is_of_a_key(line) && !ends_key(line);
        self.in_key || ends_key(line)
    }

    /// Whether a string is the first line of a private key, and the strings behind it in the list the others.
    fn opens_key(&self, line: &[u8]) -> bool {
        self.stack.closing() == b']' && self.rules.detectors.has(Detector::PrivateKeys) && opens_key(line)
    }

    /// Looks for secrets in a string without escapes if there is a doubt, and says whether it did.
    #[inline]
    fn look(&mut self, range: Range<usize>) -> bool {
        let doubtful = self.doubts.next(range.start) < range.end;
        if doubtful {
            self.scan.window(range, self.sink);
        }
        doubtful
    }

    /// A string with escapes is judged by what it stands for, which is left in the scratch space.
    #[cold]
    fn escaped(&mut self, range: Range<usize>, treatment: Option<Treatment>) -> Result<(), NotJson> {
        unescape(&self.text[range.clone()], &mut self.scratch)?;
        if self.in_key {
            let line = std::mem::take(&mut self.scratch);
            let goes_on = self.key_goes_on(&line);
            self.scratch = line;
            if goes_on {
                self.sink.replace(&Span::new(range, KEY));
                return Ok(());
            }
        }
        if let Some(mask) = treatment.and_then(|of| of.of_text(&self.scratch)) {
            self.sink.replace(&Span::named(range, mask));
            return Ok(());
        }
        self.in_key = self.opens_key(&self.scratch);
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
            let (mut sink, doubts) = (Sink::new(text), Doubts::new(self.rules, text));
            if redact(self.rules, text, self.nested + 1, doubts, &mut sink).is_ok() {
                return taken(sink);
            }
        }
        let mut sink = Sink::new(text);
        whole(self.rules, text, &mut sink);
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
