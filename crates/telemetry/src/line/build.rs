use std::sync::atomic::{AtomicUsize, Ordering};

use buttress_redact::Redactor;

use super::digits::hexadecimal;
use super::level::LevelName;
use super::notation::Notation;
use super::pen::{Pen, Values, When};
use super::scratch::Scratch;
use super::slot::{Slot, Slots};
use super::span::SpanFields;
use super::stamp::Stamp;
use super::tail::Service;
use super::{MAX_FIELD_BYTES, MAX_SLOT};
use crate::trace_ids::TraceIds;

/// How lines are written.
#[derive(Debug)]
pub(crate) struct Lines {
    /// Tells the logs of one process apart.
    pub(crate) number: usize,
    notation: Notation,
    /// Whether levels are in upper case.
    upper: bool,
    redactor: Redactor,
    has_own_rules: bool,
    /// The end of every line.
    tail: Vec<u8>,
}

static NUMBERS: AtomicUsize = AtomicUsize::new(1);

/// What is known of an event beside its fields.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Occurrence<'a> {
    pub(crate) at: Stamp,
    pub(crate) level: LevelName,
    pub(crate) logger: &'a str,
}

impl Lines {
    /// Without a redactor of its owner's it takes the default one.
    pub(crate) fn new(notation: Notation, upper: bool, own: Option<Redactor>, service: &Service) -> Self {
        Self {
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            notation,
            upper,
            has_own_rules: own.is_some(),
            redactor: own.unwrap_or_default(),
            tail: service.tail(notation),
        }
    }

    pub(crate) fn values(&self, when: When) -> Values<'_> {
        let Self { notation, redactor, has_own_rules, number: lines, .. } = self;
        Values { notation: *notation, redactor, when, has_own_rules: *has_own_rules, lines: *lines }
    }

    pub(crate) fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// Adds the fields of a span that the line does not have yet.
    pub(crate) fn add(fields: &SpanFields, scratch: &mut Scratch) {
        scratch.is_cut |= fields.is_cut;
        for field in fields.iter() {
            match field.slot {
                Some(slot) if scratch.slots.has(slot) => {}
                Some(slot) => scratch.slots.fill(slot, |out| out.extend_from_slice(field.value)),
                None if scratch.names.has(field.name) => {}
                None if scratch.has_room(field.whole.len()) => {
                    scratch.names.insert(field.name);
                    scratch.fields.extend_from_slice(field.whole);
                }
                None => scratch.is_cut = true,
            }
        }
    }

    /// Puts the line together.
    pub(crate) fn finish(&self, event: &Occurrence<'_>, scratch: &mut Scratch) {
        match self.notation {
            Notation::Json => self.finish_json(event, scratch),
            Notation::Text { colours } => self.finish_text(event, colours, scratch),
        }
    }

    fn finish_json(&self, event: &Occurrence<'_>, scratch: &mut Scratch) {
        let Scratch { line, fields, slots, second, is_cut, .. } = scratch;
        line.extend_from_slice(b"{\"timestamp\":\"");
        event.at.write(second, line);
        line.extend_from_slice(b"\",\"level\":\"");
        line.extend_from_slice(event.level.as_str(self.upper).as_bytes());
        line.push(b'"');
        let put = |slot: Slot, line: &mut Vec<u8>| {
            if let Some(whole) = slots.whole(slot) {
                line.extend_from_slice(whole);
            }
        };
        put(Slot::Event, line);
        put(Slot::Message, line);
        line.extend_from_slice(b",\"logger\":");
        self.notation.text(event.logger, MAX_SLOT, line);
        for slot in Slot::WHOSE {
            put(slot, line);
        }
        line.extend_from_slice(fields);
        if *is_cut {
            line.extend_from_slice(b",\"truncated\":true");
        }
        line.extend_from_slice(&self.tail);
    }

    fn finish_text(&self, event: &Occurrence<'_>, colours: bool, scratch: &mut Scratch) {
        let Scratch { line, fields, slots, second, is_cut, .. } = scratch;
        let [dim, level, plain] =
            if colours { ["\x1b[2m", event.level.colour(), "\x1b[0m"] } else { [""; 3] };
        line.extend_from_slice(dim.as_bytes());
        event.at.write(second, line);
        let name = event.level.as_str(true);
        line.extend_from_slice(format!("{plain} {level}{name:8}{plain} {dim}").as_bytes());
        super::escape::escape(event.logger, MAX_SLOT, line);
        line.extend_from_slice(format!("{plain}:").as_bytes());
        for slot in [Slot::Event, Slot::Message] {
            if let Some(value) = slots.value(slot) {
                line.push(b' ');
                line.extend_from_slice(value);
            }
        }
        line.extend_from_slice(fields);
        for slot in Slot::WHOSE {
            if let Some(value) = slots.value(slot) {
                self.notation.key(slot.name(), line);
                line.extend_from_slice(value);
            }
        }
        if *is_cut {
            line.extend_from_slice(b" truncated=true");
        }
        line.extend_from_slice(&self.tail);
    }
}

impl Scratch {
    fn has_room(&self, bytes: usize) -> bool {
        !self.names.are_full() && self.fields.len() + bytes <= MAX_FIELD_BYTES
    }
}

impl Values<'_> {
    /// Fills a slot; one that is filled stays.
    pub(crate) fn fill(&self, slot: Slot, text: &str, scratch: &mut Scratch) {
        let Scratch { slots, room, is_cut, .. } = scratch;
        if !slots.has(slot) {
            let label = room.names.of(slot.name(), self).label;
            *is_cut |=
                !slots.fill(slot, |out| Pen { values: self, label, most: MAX_SLOT, room, out }.text(text));
        }
    }

    /// Says which span of a trace it is.
    pub(crate) fn tell_trace(&self, ids: &TraceIds, slots: &mut Slots) {
        if !slots.has(Slot::TraceId) {
            let digits = hexadecimal::<32>(ids.trace_id);
            slots.fill(Slot::TraceId, |out| self.notation.word(&digits, out));
        }
        if !slots.has(Slot::SpanId) {
            let digits = hexadecimal::<16>(ids.span_id.into());
            slots.fill(Slot::SpanId, |out| self.notation.word(&digits, out));
        }
    }
}
