use super::known::{Label, Place};
use super::pen::{Pen, Values};
use super::scratch::Scratch;
use super::slot::Slot;
use super::value::Value;
use super::visit::Take;
use super::{MAX_FIELD_BYTES, MAX_SLOT, MAX_TEXT};

/// Writes the fields of an event.
pub(crate) struct EventFields<'a> {
    pub(crate) values: &'a Values<'a>,
    pub(crate) scratch: &'a mut Scratch,
    pub(crate) is_critical: bool,
}

impl Take for EventFields<'_> {
    /// Writes a field where its name belongs, or under another name if it belongs to the line.
    #[inline]
    fn take(&mut self, name: &'static str, value: impl Value) {
        let Scratch { fields, slots, names, room, is_cut, .. } = &mut *self.scratch;
        let known = room.names.of(name, self.values);
        match known.place {
            Place::Slot(slot) if !slots.has(slot) => {
                let label = known.label;
                return self.fill(slot, label, value);
            }
            Place::Level if value.is_true() => {
                self.is_critical = true;
                return;
            }
            _ => {}
        }
        if names.are_full() {
            *is_cut = true;
            return;
        }
        if !names.insert(known.shown) {
            return;
        }
        let start = fields.len();
        known.write_key(self.values, fields);
        let at = fields.len();
        let (label, place) = (known.label, known.place);
        let whole = value.write(&mut Pen { values: self.values, label, most: MAX_TEXT, room, out: fields });
        let repeats = matches!(place, Place::Slot(slot) if slots.value(slot) == fields.get(at..));
        let fits = fields.len() <= MAX_FIELD_BYTES;
        if repeats || !fits {
            fields.truncate(start);
        }
        *is_cut |= !(whole && fits);
    }
}

impl EventFields<'_> {
    fn fill(&mut self, slot: Slot, label: Label, value: impl Value) {
        let Scratch { slots, room, is_cut, .. } = &mut *self.scratch;
        let values = self.values;
        let whole = slots.fill(slot, |out| match slot {
            Slot::Message => value.write_message(&mut Pen { values, label, most: MAX_TEXT, room, out }),
            _ => value.write(&mut Pen { values, label, most: MAX_SLOT, room, out }),
        });
        *is_cut |= !whole;
    }
}
