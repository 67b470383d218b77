use buttress_core::{Caller, Context, CorrelationId, Principal, PrincipalKind};

use super::pen::Values;
use super::scratch::Scratch;
use super::slot::{Slot, Slots};

/// Whose line it is, as far as the context knows.
struct Whose<'a> {
    flow: Option<&'a CorrelationId>,
    tenant: Option<&'a str>,
    user: Option<&'a str>,
}

impl<'a> Whose<'a> {
    fn of(context: &'a Context, principal: Option<&'a Principal>) -> Self {
        let user = principal.filter(|principal| principal.kind() != PrincipalKind::Anonymous);
        Self {
            flow: context.correlation_id(),
            tenant: principal.and_then(Principal::tenant),
            user: user.map(Principal::id),
        }
    }

    /// The three as one name. Neither of the two bytes between is one of UTF-8, so no two have the same.
    fn write_name(&self, out: &mut Vec<u8>) {
        let texts = [
            self.flow.map(CorrelationId::as_bytes),
            self.tenant.map(str::as_bytes),
            self.user.map(str::as_bytes),
        ];
        out.clear();
        for text in texts {
            out.extend_from_slice(text.unwrap_or(b"\xfe"));
            out.push(b'\xff');
        }
    }

    /// Where it would be known, by the end of the ID: IDs that begin with the time differ there.
    fn place(&self) -> usize {
        let end = self.flow.and_then(|flow| flow.as_bytes().last_chunk()).copied().unwrap_or_default();
        u32::from_le_bytes(end).wrapping_mul(0x9e37_79b1) as usize >> 28
    }
}

/// Whose lines a thread wrote lately. What a request's lines all say is written and looked at once, not for each.
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
    fn greet(&mut self, whose: &Whose<'_>, lines: usize) -> Option<&Slots> {
        self.new = None;
        whose.write_name(&mut self.name);
        let known = &self.known[whose.place()];
        (known.lines == lines && known.name == self.name).then_some(&known.slots)
    }

    /// Remembers what was written, in case it is found clean.
    fn remember(&mut self, whose: &Whose<'_>, slots: &Slots) {
        if self.name.len() <= MAX_NAME {
            let known = &mut self.known[whose.place()];
            known.lines = 0;
            known.name.clone_from(&self.name);
            known.slots.copy_from(slots);
            self.new = Some(whose.place());
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
            let principal = context.caller().and_then(Caller::principal);
            self.tell(&Whose::of(context, principal.as_ref()), scratch);
        });
    }

    fn tell(&self, whose: &Whose<'_>, scratch: &mut Scratch) {
        if let Some(known) = scratch.whose.greet(whose, self.lines) {
            return scratch.slots.copy_from(known);
        }
        let flow = whose.flow.map(CorrelationId::as_str);
        for (slot, text) in
            [(Slot::CorrelationId, flow), (Slot::TenantId, whose.tenant), (Slot::UserId, whose.user)]
        {
            if let Some(text) = text {
                self.fill(slot, text, scratch);
            }
        }
        if !scratch.is_cut {
            scratch.whose.remember(whose, &scratch.slots);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_lines_were_clean_is_known_to_the_log_that_looked() {
        let id = CorrelationId::new("DEPLOY-123").expect("an ID");
        let whose = Whose { flow: Some(&id), tenant: None, user: Some("ann") };
        let mut known = Acquaintances::default();
        assert!(known.greet(&whose, 1).is_none());
        known.remember(&whose, &Slots::default());
        assert!(known.greet(&whose, 1).is_none(), "not looked at yet");
        known.remember(&whose, &Slots::default());
        known.confirm(1);
        assert!(known.greet(&whose, 1).is_some() && known.greet(&whose, 2).is_none());
    }
}
