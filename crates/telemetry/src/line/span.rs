use super::known::Place;
use super::names::Name;
use super::pen::{Pen, Values};
use super::room::Room;
use super::slot::Slot;
use super::value::Value;
use super::visit::Take;
use super::{MAX_FIELD_BYTES, MAX_FIELDS, MAX_SLOT, MAX_TEXT};

/// The fields of one span, written once when they are recorded, for all lines that come inside it.
#[derive(Debug)]
pub(crate) struct SpanFields {
    /// Which layer has written them: a subscriber may have two.
    layer: usize,
    bytes: Vec<u8>,
    marks: Vec<Mark>,
    pub(crate) is_cut: bool,
    others: Option<Box<Self>>,
}

/// Where one field is.
#[derive(Clone, Copy, Debug)]
struct Mark {
    /// Which place of the line it is for, if any.
    slot: Option<Slot>,
    name: Name,
    start: usize,
    value: usize,
    end: usize,
}

/// A field of a span as it stands in a line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written<'a> {
    pub(crate) slot: Option<Slot>,
    pub(crate) name: Name,
    /// With its name.
    pub(crate) whole: &'a [u8],
    pub(crate) value: &'a [u8],
}

impl SpanFields {
    pub(crate) fn new(layer: usize) -> Self {
        Self {
            layer,
            bytes: Vec::with_capacity(192),
            marks: Vec::with_capacity(4),
            is_cut: false,
            others: None,
        }
    }

    /// What the layer has written.
    pub(crate) fn of(&self, layer: usize) -> Option<&Self> {
        let mut next = Some(self);
        while let Some(fields) = next.filter(|fields| fields.layer != layer) {
            next = fields.others.as_deref();
        }
        next
    }

    /// What the layer has written, to write more.
    fn of_mut(&mut self, layer: usize) -> Option<&mut Self> {
        if self.layer == layer { Some(self) } else { self.others.as_deref_mut()?.of_mut(layer) }
    }

    /// Adds what was written later, by the same layer or by another one.
    pub(crate) fn add(&mut self, later: Self) {
        if let Some(known) = self.of_mut(later.layer) {
            return known.extend(&later);
        }
        let others = std::mem::replace(self, later);
        self.others = Some(Box::new(others));
    }

    fn extend(&mut self, later: &Self) {
        self.is_cut |= later.is_cut;
        for Written { slot, name, whole, value } in later.iter() {
            self.forget(name);
            let start = self.bytes.len();
            let end = start + whole.len();
            if self.marks.len() < MAX_FIELDS && end <= MAX_FIELD_BYTES {
                self.bytes.extend_from_slice(whole);
                self.marks.push(Mark { slot, name, start, value: end - value.len(), end });
            } else {
                self.is_cut = true;
            }
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Written<'_>> {
        self.marks.iter().map(|mark| Written {
            slot: mark.slot,
            name: mark.name,
            whole: &self.bytes[mark.start..mark.end],
            value: &self.bytes[mark.value..mark.end],
        })
    }

    /// A field that is recorded anew has its last value only.
    fn forget(&mut self, name: Name) {
        let Some(place) = self.marks.iter().position(|mark| mark.name.text == name.text) else { return };
        let old = self.marks.remove(place);
        self.bytes.drain(old.start..old.end);
        let len = old.end - old.start;
        for mark in &mut self.marks[place..] {
            (mark.start, mark.value, mark.end) = (mark.start - len, mark.value - len, mark.end - len);
        }
    }
}

/// Writes the fields of a span as they are recorded.
pub(crate) struct Recorder<'a> {
    pub(crate) values: &'a Values<'a>,
    pub(crate) room: &'a mut Room,
    pub(crate) fields: &'a mut SpanFields,
}

impl Take for Recorder<'_> {
    fn take(&mut self, name: &'static str, value: impl Value) {
        let known = *self.room.names.of(name, self.values);
        let (slot, name, most) = match known.place {
            Place::Slot(slot) if Slot::WHOSE.contains(&slot) => (Some(slot), Name::of(slot.name()), MAX_SLOT),
            _ => (None, known.shown, MAX_TEXT),
        };
        let fields = &mut *self.fields;
        fields.forget(name);
        let start = fields.bytes.len();
        self.values.notation.key(name.text, &mut fields.bytes);
        let at = fields.bytes.len();
        let (values, label, out) = (self.values, known.label, &mut fields.bytes);
        fields.is_cut |= !value.write(&mut Pen { values, label, most, room: self.room, out });
        let end = fields.bytes.len();
        if fields.marks.len() < MAX_FIELDS && end <= MAX_FIELD_BYTES {
            fields.marks.push(Mark { slot, name, start, value: at, end });
        } else {
            fields.bytes.truncate(start);
            fields.is_cut = true;
        }
    }
}
