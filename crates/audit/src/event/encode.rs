//! An event as one line of JSON, redacted.
//!
//! What this crate wrote itself needs no redaction: words, numbers, addresses, times. It comes first. Texts that others
//! chose come after it; one glance over all of them tells whether any has something to hide, which is rare. If so, and
//! always what has names and values of its own, they are redacted as JSON, in one pass. No tree is built.

use std::borrow::Cow;

use buttress_core::{CorrelationId, Principal};
use buttress_redact::{Form, Redactor};

use super::resource::Resource;
use super::{Parts, bound, calendar, json};

mod glance;
mod request;

/// How much was hidden or cut.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    names: usize,
    values: usize,
    truncated: usize,
}

struct Encoder<'a> {
    redactor: &'a Redactor,
    counts: Counts,
}

/// Writes an event behind what is in a buffer.
pub(super) fn write(parts: &Parts, redactor: &Redactor, out: &mut Vec<u8>) {
    let mut encoder = Encoder { redactor, counts: Counts::default() };
    out.reserve(768);
    out.push(b'{');
    encoder.own(parts, out);
    let mut foreign = Vec::new();
    if glance::is_clean(parts, redactor) {
        encoder.actor_and_texts(parts, out);
    } else {
        encoder.suspicious(parts, &mut foreign, out);
    }
    encoder.structured(parts, &mut foreign);
    if !foreign.is_empty() {
        foreign.push(b'}');
        encoder.redacted(&foreign, out);
    }
    encoder.counts.write(out);
    out.push(b'}');
}

/// Begins what is redacted apart, unless that was done.
fn open(foreign: &mut Vec<u8>) {
    if foreign.is_empty() {
        foreign.reserve(512);
        foreign.push(b'{');
    }
}

/// Whether who acted may be known by an e-mail address.
fn has_address(actor: &Principal) -> bool {
    actor.id().contains('@') || actor.name().is_some_and(|name| name.contains('@'))
}

impl Encoder<'_> {
    /// What nobody else has a say in.
    fn own(&mut self, parts: &Parts, out: &mut Vec<u8>) {
        out.extend_from_slice(b"\"v\":1,\"id\":\"");
        let mut id = [0; uuid::fmt::Hyphenated::LENGTH];
        out.extend_from_slice(parts.id.hyphenated().encode_lower(&mut id).as_bytes());
        out.extend_from_slice(b"\",\"ts\":\"");
        calendar::write(parts.at, out);
        out.push(b'"');
        json::word(",\"category\":", parts.action.category().as_str(), out);
        json::word(",\"action\":", parts.action.as_str(), out);
        json::word(",\"outcome\":", parts.outcome.as_str(), out);
        json::word(",\"severity\":", parts.severity().as_str(), out);
        json::word(",\"stage\":", parts.stage.as_str(), out);
        if let Some(duration) = parts.duration {
            json::name(",\"duration_us\":", out);
            json::number(duration.as_micros().try_into().unwrap_or(u64::MAX), out);
        }
        if let Some(id) = &parts.correlation_id {
            json::word(",\"correlation_id\":", &self.harmless(id), out);
        }
        if let Some((trace_id, span_id)) = parts.trace {
            out.extend_from_slice(b",\"trace_id\":\"");
            json::hex(trace_id, 32, out);
            out.extend_from_slice(b"\",\"span_id\":\"");
            json::hex(span_id.into(), 16, out);
            out.push(b'"');
        }
        if let Some(intent) = parts.intent {
            json::word(",\"intent_id\":", intent.hyphenated().encode_lower(&mut id), out);
        }
        if let Some(service) = &parts.service {
            json::name(",\"service\":", out);
            out.extend_from_slice(service.as_json());
        }
    }

    /// An ID that a stranger may have chosen: its characters are harmless, and together they may be a key.
    fn harmless<'i>(&mut self, id: &'i CorrelationId) -> Cow<'i, str> {
        if uuid::Uuid::try_parse(id.as_str()).is_ok() {
            return id.as_str().into();
        }
        let shown = self.redactor.text(id.as_str());
        self.counts.values += usize::from(matches!(shown, Cow::Owned(_)));
        shown
    }

    /// Redacts a part that was written apart, and adds its members.
    fn redacted(&mut self, foreign: &[u8], out: &mut Vec<u8>) {
        if foreign == b"{}" {
            return;
        }
        let start = out.len();
        let report = self.redactor.json_into(foreign, out);
        if report.form() != Form::Json {
            // Rather a record that says less than one that says too much.
            out.truncate(start);
            self.counts.truncated += 1;
            return;
        }
        self.counts.names += report.names();
        self.counts.values += report.values();
        self.counts.truncated += report.limited();
        out[start] = b',';
        out.truncate(out.len() - 1);
    }

    /// Texts of which some have to be redacted: they join what is redacted as JSON. An actor who is known by an address
    /// does not, since the address is told.
    fn suspicious(&mut self, parts: &Parts, foreign: &mut Vec<u8>, out: &mut Vec<u8>) {
        open(foreign);
        match &parts.actor {
            Some(actor) if has_address(actor) => {
                self.actor(actor, out);
                self.texts(parts, foreign);
            }
            _ => self.actor_and_texts(parts, foreign),
        }
    }

    fn actor_and_texts(&mut self, parts: &Parts, out: &mut Vec<u8>) {
        if let Some(actor) = &parts.actor {
            self.actor_as_text(actor, out);
        }
        self.texts(parts, out);
    }

    fn texts(&mut self, parts: &Parts, out: &mut Vec<u8>) {
        if let Some(reason) = &parts.reason {
            self.text(",\"reason\":", reason, bound::REASON, out);
        }
        if let Some(message) = &parts.message {
            self.text(",\"message\":", message, bound::MESSAGE, out);
        }
        if let Some(resource) = &parts.resource {
            self.resource(resource, out);
        }
        if !parts.request.is_empty() {
            self.request(&parts.request, out);
        }
    }

    /// What has names and values of its own.
    fn structured(&mut self, parts: &Parts, out: &mut Vec<u8>) {
        if let Some(changes) = parts.changes.as_ref().filter(|changes| !changes.is_empty()) {
            open(out);
            json::name(",\"changes\":", out);
            self.counts.names += changes.write(self.redactor, out);
            self.counts.truncated += changes.left_out() as usize;
        }
        self.counts.truncated += parts.details.left_out() as usize;
        if !parts.details.is_empty() {
            open(out);
            json::name(",\"details\":", out);
            parts.details.write(out);
        }
    }

    /// An actor whose e-mail address is told: who acted is what the record is for. All other secrets are hidden.
    fn actor(&mut self, actor: &Principal, out: &mut Vec<u8>) {
        json::name(",\"actor\":", out);
        out.push(b'{');
        json::word(",\"type\":", actor.kind().as_str(), out);
        self.address(",\"id\":", actor.id(), out);
        if let Some(name) = actor.name() {
            self.address(",\"name\":", name, out);
        }
        for (key, text) in [(",\"tenant_id\":", actor.tenant()), (",\"session_hash\":", actor.session())] {
            if let Some(text) = text {
                let text = self.cut_and_redacted(text, bound::ID);
                json::name(key, out);
                json::string(&text, out);
            }
        }
        out.push(b'}');
    }

    fn actor_as_text(&mut self, actor: &Principal, out: &mut Vec<u8>) {
        json::name(",\"actor\":", out);
        out.push(b'{');
        json::word(",\"type\":", actor.kind().as_str(), out);
        self.text(",\"id\":", actor.id(), bound::ID, out);
        let optional = [
            (",\"name\":", actor.name()),
            (",\"tenant_id\":", actor.tenant()),
            (",\"session_hash\":", actor.session()),
        ];
        for (key, text) in optional {
            if let Some(text) = text {
                self.text(key, text, bound::ID, out);
            }
        }
        out.push(b'}');
    }

    /// A text in which an e-mail address is not masked, unless there is something else to hide.
    fn address(&mut self, key: &str, text: &str, out: &mut Vec<u8>) {
        let is_clean = |part: &str| self.redactor.is_clean(part);
        let only_address = text.len() <= bound::ID && !text.contains("://") && text.split('@').all(is_clean);
        json::name(key, out);
        if only_address {
            json::string(text, out);
        } else {
            let text = self.cut_and_redacted(text, bound::ID);
            json::string(&text, out);
        }
    }

    fn cut_and_redacted<'t>(&mut self, text: &'t str, shown: usize) -> Cow<'t, str> {
        self.counts.truncated += usize::from(text.len() > shown);
        let redacted = bound::shortened(text, shown, self.redactor);
        self.counts.values += usize::from(matches!(redacted, Cow::Owned(_)));
        redacted
    }

    /// A text that the pass over the whole part will redact, unless it is too long to be left to it.
    fn text(&mut self, key: &str, text: &str, shown: usize, out: &mut Vec<u8>) {
        json::name(key, out);
        if text.len() <= shown {
            return json::string(text, out);
        }
        let text = self.cut_and_redacted(text, shown);
        json::string(&text, out);
    }

    fn resource(&mut self, resource: &Resource, out: &mut Vec<u8>) {
        json::name(",\"resource\":", out);
        out.push(b'{');
        self.text(",\"type\":", resource.kind(), bound::ID, out);
        self.text(",\"id\":", resource.id(), bound::ID, out);
        if let Some(name) = resource.name() {
            self.text(",\"name\":", name, bound::ID, out);
        }
        out.push(b'}');
    }
}

impl Counts {
    fn write(self, out: &mut Vec<u8>) {
        let Self { names, values, truncated } = self;
        if names + values + truncated == 0 {
            return;
        }
        json::name(",\"redaction\":", out);
        out.push(b'{');
        for (key, count) in [(",\"names\":", names), (",\"values\":", values), (",\"truncated\":", truncated)]
        {
            json::name(key, out);
            json::number(count as u64, out);
        }
        out.push(b'}');
    }
}
