//! How an input is read: as text, as JSON, as a URL or a part of one, as the value of a header.

use crate::doubt::{self, Doubts, is_at_most};
use crate::header;
use crate::json;
use crate::mask::Mask;
use crate::report::Form;
use crate::rules::Rules;
use crate::scan::Scan;
use crate::sink::Sink;
use crate::url;

/// What an input is taken for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reading<'n> {
    Text,
    Json,
    Url,
    Query,
    /// The value of a field of this name.
    Field(&'n [u8]),
    /// The value of a header of this name.
    Header(&'n [u8]),
}

impl Reading<'_> {
    /// Redacts the source of a sink into it.
    pub(crate) fn pass(self, rules: &Rules, text: &[u8], sink: &mut Sink<'_>) -> Form {
        if text.len() > rules.max_bytes {
            sink.give_up(|out| self.too_long(out));
            return Form::TooLong;
        }
        match self {
            Self::Json => return json(rules, text, Doubts::new(rules, text), sink),
            Self::Text => whole(rules, text, sink),
            Self::Url => url::redact(rules, text, sink),
            Self::Query => url::redact_query(rules, text, sink),
            Self::Field(name) => header::field(rules, name, text, sink),
            Self::Header(name) => header::redact(rules, name, text, sink),
        }
        Form::Text
    }

    /// The same, if only the output is asked for and not what was done: nothing if the input may stay.
    #[inline]
    pub(crate) fn rewrite<'a>(self, rules: &Rules, text: &'a [u8]) -> Option<Sink<'a>> {
        match self {
            // A name that says nothing about its value leaves it a text.
            Self::Field(name) | Self::Header(name) if rules.names.of(name).is_none() => {
                Self::Text.rewrite(rules, text)
            }
            Self::Text if text.len() <= rules.max_bytes => {
                if doubt::has_none(rules, text) {
                    None
                } else {
                    rewrite_text(rules, text)
                }
            }
            Self::Json if text.len() <= rules.max_bytes => rewrite_json(rules, text),
            _ => {
                let mut sink = Sink::new(text);
                self.pass(rules, text, &mut sink);
                sink.changed().then_some(sink)
            }
        }
    }

    fn too_long(self, out: &mut Vec<u8>) {
        if matches!(self, Self::Json) { Mask::TOO_LONG.write_quoted(out) } else { Mask::TOO_LONG.write(out) }
    }
}

fn rewrite_text<'a>(rules: &Rules, text: &'a [u8]) -> Option<Sink<'a>> {
    let mut sink = Sink::new(text);
    Scan::new(rules, text).window(0..text.len(), &mut sink);
    sink.changed().then_some(sink)
}

fn rewrite_json<'a>(rules: &Rules, text: &'a [u8]) -> Option<Sink<'a>> {
    let doubts = Doubts::new(rules, text);
    if doubts.are_none() && is_at_most(text, rules.max_depth) {
        // As JSON or as text, it would stay.
        return None;
    }
    let mut sink = Sink::new(text);
    json(rules, text, doubts, &mut sink);
    sink.changed().then_some(sink)
}

fn json(rules: &Rules, text: &[u8], doubts: Doubts<'_>, sink: &mut Sink<'_>) -> Form {
    let settled = doubts.are_none();
    if json::redact(rules, text, 0, doubts, sink).is_ok() {
        return Form::Json;
    }
    sink.restart();
    if !settled {
        Scan::new(rules, text).window(0..text.len(), sink);
    }
    Form::Text
}

pub(crate) fn whole(rules: &Rules, text: &[u8], sink: &mut Sink<'_>) {
    if !doubt::has_none(rules, text) {
        Scan::new(rules, text).window(0..text.len(), sink);
    }
}
