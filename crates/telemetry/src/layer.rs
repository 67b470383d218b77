use std::fmt;
use std::sync::Arc;

use buttress_core::WallClock;
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use crate::filter::LogFilter;
use crate::line::{
    EventFields, LevelName, Lines, Occurrence, Recorder, Room, Scratch, Slot, SpanFields, Stamp, Visitor,
    When,
};
use crate::trace_ids::TraceIds;
use crate::writer::Queue;

/// Writes events as lines: a layer for a [`tracing_subscriber::Registry`].
///
/// It lets everything through that reaches it; [`LogFilter`](crate::LogFilter) is what chooses. Two of them on one
/// registry write their own lines and do not mix.
pub struct LogLayer {
    lines: Arc<Lines>,
    clock: WallClock,
    queue: Queue,
    filter: LogFilter,
}

impl LogLayer {
    pub(crate) fn new(lines: Arc<Lines>, clock: WallClock, queue: Queue, filter: LogFilter) -> Self {
        Self { lines, clock, queue, filter }
    }

    /// Writes fields of a span behind those that it has.
    fn record<'a, S: LookupSpan<'a>>(
        &self,
        span: &SpanRef<'a, S>,
        record: impl Fn(&mut Visitor<Recorder<'_>>),
    ) {
        // Apart from the span, which others look at meanwhile, and the values themselves may while they are printed.
        let mut later = SpanFields::new(self.lines.number);
        Scratch::lend(|scratch| self.record_into(&mut later, &mut scratch.room, record));
        let mut extensions = span.extensions_mut();
        if let Some(known) = extensions.get_mut::<SpanFields>() {
            return known.add(later);
        }
        extensions.replace(later);
    }

    fn record_into(
        &self,
        fields: &mut SpanFields,
        room: &mut Room,
        record: impl Fn(&mut Visitor<Recorder<'_>>),
    ) {
        for when in [When::Together, When::Each] {
            let values = &self.lines.values(when);
            room.clear();
            record(&mut Visitor(Recorder { values, room: &mut *room, fields: &mut *fields }));
            if when == When::Each || room.is_clean(values.redactor, values.lines) {
                return;
            }
        }
    }

    fn write<S: Subscriber + for<'a> LookupSpan<'a>>(
        &self,
        event: &Event<'_>,
        cx: &Context<'_, S>,
        scratch: &mut Scratch,
    ) {
        let at = Stamp::of(self.clock.now());
        let level = self.compose(event, cx, scratch);
        self.lines.finish(&Occurrence { at, level, logger: event.metadata().target() }, scratch);
        self.queue.push(&scratch.line, at);
    }

    /// Collects what an event says; says how bad it is.
    fn compose<S: Subscriber + for<'a> LookupSpan<'a>>(
        &self,
        event: &Event<'_>,
        cx: &Context<'_, S>,
        scratch: &mut Scratch,
    ) -> LevelName {
        let mut is_critical = self.add_event(event, When::Together, scratch);
        if !scratch.room.is_clean(self.lines.redactor(), self.lines.number) {
            is_critical = self.add_event(event, When::Each, scratch);
        }
        scratch.whose.confirm(self.lines.number);
        self.add_spans(event, cx, scratch);
        LevelName::of(*event.metadata().level(), is_critical)
    }

    /// Writes what the event itself says, and whose it is; says whether it is marked as critical.
    fn add_event(&self, event: &Event<'_>, when: When, scratch: &mut Scratch) -> bool {
        let values = &self.lines.values(when);
        scratch.clear();
        values.tell_whose(scratch);
        let mut fields = Visitor(EventFields { values, scratch: &mut *scratch, is_critical: false });
        event.record(&mut fields);
        let is_critical = fields.0.is_critical;
        if let Some(name) = given_name(event.metadata()) {
            values.fill(Slot::Event, name, scratch);
        }
        is_critical
    }

    /// Adds what the spans around the event know, the innermost first.
    fn add_spans<S: Subscriber + for<'a> LookupSpan<'a>>(
        &self,
        event: &Event<'_>,
        cx: &Context<'_, S>,
        scratch: &mut Scratch,
    ) {
        for span in cx.event_scope(event).into_iter().flatten() {
            let known = span.extensions();
            if let Some(ids) = known.get::<TraceIds>() {
                self.lines.values(When::Each).tell_trace(ids, &mut scratch.slots);
            }
            if let Some(fields) = known.get::<SpanFields>().and_then(|all| all.of(self.lines.number)) {
                Lines::add(fields, scratch);
            }
        }
    }
}

/// The name that an event was given by `name:`; otherwise tracing makes one of the place in the source.
fn given_name(metadata: &Metadata<'static>) -> Option<&'static str> {
    Some(metadata.name()).filter(|name| !name.starts_with("event "))
}

impl<S> Layer<S> for LogLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_register_dispatch(&self, subscriber: &Dispatch) {
        self.filter.belongs_to(subscriber);
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, cx: Context<'_, S>) {
        if let Some(span) = cx.span(id).filter(|_| !attributes.is_empty()) {
            self.record(&span, |visitor| attributes.record(visitor));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, cx: Context<'_, S>) {
        if let Some(span) = cx.span(id) {
            self.record(&span, |visitor| values.record(visitor));
        }
    }

    fn on_event(&self, event: &Event<'_>, cx: Context<'_, S>) {
        if Scratch::lend(|scratch| self.write(event, &cx, scratch)).is_none() {
            self.queue.refuse();
        }
    }
}

impl fmt::Debug for LogLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogLayer").field("lines", &self.lines).finish_non_exhaustive()
    }
}
