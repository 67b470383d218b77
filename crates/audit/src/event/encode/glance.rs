//! One look at all texts of an event.

use std::borrow::Cow;

use buttress_core::Principal;
use buttress_redact::Redactor;

use crate::event::{Parts, bound};

/// Whether no text of an event needs to be redacted. In doubt it does; one that is too long is redacted by itself.
///
/// Texts are looked at line by line of one, since a detector ends at the end of a line at the latest, or takes what
/// follows for more of the same and so errs on the side of caution.
pub(super) fn is_clean(parts: &Parts, redactor: &Redactor) -> bool {
    let mut glance = Glance { lines: Vec::with_capacity(256) };
    glance.actor(parts.actor.as_ref());
    glance.add(parts.reason.as_deref(), bound::REASON);
    glance.add(parts.message.as_deref(), bound::MESSAGE);
    if let Some(resource) = &parts.resource {
        glance.add(Some(resource.kind()), bound::ID);
        glance.add(Some(resource.id()), bound::ID);
        glance.add(resource.name(), bound::ID);
    }
    let request = &parts.request;
    glance.add(request.method.as_ref().map(http::Method::as_str), bound::SHORT);
    for (text, shown) in [(&request.path, bound::PATH), (&request.user_agent, bound::USER_AGENT)] {
        if let Some(text) = text {
            glance.add(Some(&text.as_str()), shown);
        }
    }
    let is_simple = request.query.is_none() && request.body.is_none() && glance.is_simple();
    // Last, and apart: templates have braces, and are the program's own.
    glance.add(request.route.as_deref(), bound::PATH);
    is_simple && matches!(redactor.bytes(&glance.lines), Cow::Borrowed(_))
}

struct Glance {
    lines: Vec<u8>,
}

impl Glance {
    /// Whether nothing in it can be JSON, which would be read otherwise than as text.
    fn is_simple(&self) -> bool {
        let odd = |byte: u8| matches!(byte, b'{' | b'[' | b'"' | b'\\');
        // Without a way out in the middle, so that many bytes are looked at in one step.
        !self.lines.iter().fold(false, |any, byte| any | odd(*byte))
    }

    fn add(&mut self, text: Option<&str>, shown: usize) {
        let Some(text) = text else { return };
        self.lines.extend_from_slice(&text.as_bytes()[..text.len().min(shown)]);
        self.lines.push(b'\n');
    }

    /// Who acted, with an address in parts, each of which must be clean.
    fn actor(&mut self, actor: Option<&Principal>) {
        let Some(actor) = actor else { return };
        for text in [Some(actor.id()), actor.name()] {
            let start = self.lines.len();
            self.add(text, bound::ID);
            let is_url = text.is_some_and(|text| text.contains("://"));
            for byte in self.lines[start..].iter_mut().filter(|byte| **byte == b'@' && !is_url) {
                *byte = b'\n';
            }
        }
        self.add(actor.tenant(), bound::ID);
        self.add(actor.session(), bound::ID);
    }
}
