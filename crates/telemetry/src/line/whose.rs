use buttress_core::{Caller, Context, CorrelationId, Principal, PrincipalKind};

use super::pen::Values;
use super::scratch::Scratch;
use super::slot::{Slot, Slots};
use super::uuid::is_uuid;

/// Who asked, as far as the context knows.
struct Whose<'a> {
    tenant: Option<&'a str>,
    user: Option<&'a str>,
}

impl<'a> Whose<'a> {
    fn of(principal: &'a Principal) -> Self {
        let user = Some(principal).filter(|principal| principal.kind() != PrincipalKind::Anonymous);
        Self { tenant: principal.tenant(), user: user.map(Principal::id) }
    }

    /// Both as one name. Neither of the two bytes between is one of UTF-8, so no two have the same.
    fn write_name(&self, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(self.tenant.map_or(b"\xfe", str::as_bytes));
        out.push(b'\xff');
        out.extend_from_slice(self.user.map_or(b"\xfe", str::as_bytes));
    }
}

/// Where a name would be known, by its end: IDs that begin with the time differ there.
fn place(name: &[u8]) -> usize {
    let end = name.last_chunk().copied().unwrap_or_default();
    u32::from_le_bytes(end).wrapping_mul(0x9e37_79b1) as usize >> 28
}

/// Whose lines a thread wrote lately. What all lines of somebody say is written and looked at once, not for each.
#[derive(Debug, Default)]
pub(crate) struct Acquaintances {
    /// The name that the line being written is known by.
    name: Vec<u8>,
    /// Which of them was written for this line, and has not been found clean.
    new: Option<usize>,
    known: [Acquaintance; 16],
}

#[derive(Debug, Default)]
struct Acquaintance {
    /// The log whose redactor looked at it; no log has the number 0.
    lines: usize,
    name: Vec<u8>,
    slots: Slots,
}

/// A longer name is not remembered.
const MAX_NAME: usize = 256;

impl Acquaintances {
    /// What is new and was not found clean stays unknown.
    pub(crate) fn clear(&mut self) {
        self.new = None;
    }

    fn greet(&mut self, whose: &Whose<'_>, lines: usize) -> Option<&Slots> {
        whose.write_name(&mut self.name);
        let known = &self.known[place(&self.name)];
        (known.lines == lines && known.name == self.name).then_some(&known.slots)
    }

    /// Remembers what was written, in case it is found clean.
    fn remember(&mut self, slots: &Slots) {
        if self.name.len() <= MAX_NAME {
            let place = place(&self.name);
            let known = &mut self.known[place];
            known.lines = 0;
            known.name.clone_from(&self.name);
            known.slots.copy_from(slots);
            self.new = Some(place);
        }
    }

    /// What was written of whose line it is hides all that is to be hidden.
    pub(crate) fn confirm(&mut self, lines: usize) {
        if let Some(place) = self.new.take() {
            self.known[place].lines = lines;
        }
    }
}

impl Values<'_> {
    /// Says whose line it is, as far as the context knows.
    pub(crate) fn tell_whose(&self, scratch: &mut Scratch) {
        Context::with_current(|context| {
            if let Some(principal) = context.caller().and_then(Caller::principal) {
                self.tell_principal(&Whose::of(&principal), scratch);
            }
            if let Some(flow) = context.correlation_id() {
                self.tell_flow(flow, scratch);
            }
        });
    }

    fn tell_principal(&self, whose: &Whose<'_>, scratch: &mut Scratch) {
        if let Some(known) = scratch.whose.greet(whose, self.lines) {
            return scratch.slots.copy_from(known);
        }
        for (slot, text) in [(Slot::TenantId, whose.tenant), (Slot::UserId, whose.user)] {
            if let Some(text) = text {
                self.fill(slot, text, scratch);
            }
        }
        if !scratch.is_cut {
            scratch.whose.remember(&scratch.slots);
        }
    }

    /// The ID of most flows is a UUID, which no rule of the default redactor is about.
    fn tell_flow(&self, flow: &CorrelationId, scratch: &mut Scratch) {
        if !self.has_own_rules && is_uuid(flow.as_bytes()) {
            scratch.slots.fill(Slot::CorrelationId, |out| self.notation.word(flow.as_bytes(), out));
        } else {
            self.fill(Slot::CorrelationId, flow.as_str(), scratch);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_lines_were_clean_is_known_to_the_log_that_looked() {
        let whose = Whose { tenant: None, user: Some("ann") };
        let mut known = Acquaintances::default();
        assert!(known.greet(&whose, 1).is_none());
        known.remember(&Slots::default());
        assert!(known.greet(&whose, 1).is_none(), "not looked at yet");
        known.remember(&Slots::default());
        known.clear();
        known.confirm(1);
        assert!(known.greet(&whose, 1).is_none(), "what was looked at is another line");
        known.remember(&Slots::default());
        known.confirm(1);
        assert!(known.greet(&whose, 1).is_some() && known.greet(&whose, 2).is_none());
    }
}
