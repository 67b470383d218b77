use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use buttress_core::WallClock;
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use crate::filter::LogFilter;
use crate::line::{
    EventFields, LevelName, Lines, Occurrence, Recorder, Scratch, Slot, SpanFields, Stamp, Values, Visitor,
    When,
};
use crate::trace_ids::TraceIds;
use crate::writer::Queue;

/// Writes events as lines: a layer for a [`tracing_subscriber::Registry`].
///
/// It lets everything through that reaches it; [`LogFilter`](crate::LogFilter) is what chooses. Two of them on one
/// registry write their own lines and do not mix.
pub struct LogLayer {
    number: usize,
    lines: Arc<Lines>,
    clock: WallClock,
    queue: Queue,
    filter: LogFilter,
}

/// Tells the layers of one process apart.
static NUMBERS: AtomicUsize = AtomicUsize::new(0);

impl LogLayer {
    pub(crate) fn new(lines: Arc<Lines>, clock: WallClock, queue: Queue, filter: LogFilter) -> Self {
        Self { number: NUMBERS.fetch_add(1, Ordering::Relaxed), lines, clock, queue, filter }
    }

    /// Writes fields of a span behind those that it has.
    fn record<'a, S: LookupSpan<'a>>(
        &self,
        span: &SpanRef<'a, S>,
        record: impl FnOnce(&mut Visitor<Recorder<'_>>),
    ) {
        // What the values print may look at the span themselves, so it is not held meanwhile.
        let known = span.extensions_mut().remove::<SpanFields>();
        let mut all = known.unwrap_or_else(|| SpanFields::new(self.number));
        if all.of(self.number).is_none() {
            all = SpanFields::new(self.number).beside(all);
        }
        Scratch::lend(|scratch| {
            if let Some(fields) = all.of_mut(self.number) {
                let (values, room) = (self.lines.values(), &mut scratch.room);
                record(&mut Visitor(Recorder { values, room, fields }));
            }
        });
        span.extensions_mut().replace(all);
    }

    fn write<S: Subscriber + for<'a> LookupSpan<'a>>(
        &self,
        event: &Event<'_>,
        cx: &Context<'_, S>,
        scratch: &mut Scratch,
    ) {
        let at = Stamp::of(self.clock.now());
        let values = self.lines.values();
        if !self.compose(event, Some(cx), at, values, scratch) {
            // Masks have made it too long. Value by value it is cut, but the values of spans are written already.
            self.compose::<S>(event, None, at, Values { when: When::Each, ..values }, scratch);
        }
        self.queue.push(&scratch.line, at);
    }

    /// Makes a line of an event, with or without what the spans around it know, and says whether it is one.
    fn compose<S: Subscriber + for<'a> LookupSpan<'a>>(
        &self,
        event: &Event<'_>,
        spans: Option<&Context<'_, S>>,
        at: Stamp,
        values: Values<'_>,
        scratch: &mut Scratch,
    ) -> bool {
        scratch.clear();
        values.tell_whose(scratch);
        let mut fields = Visitor(EventFields { values, scratch: &mut *scratch, is_critical: false });
        event.record(&mut fields);
        let (metadata, is_critical) = (event.metadata(), fields.0.is_critical);
        if let Some(name) = given_name(metadata) {
            values.fill(Slot::Event, name, scratch);
        }
        match spans {
            Some(cx) => self.add_spans(event, cx, scratch),
            None => scratch.is_cut = true,
        }
        let level = LevelName::of(*metadata.level(), is_critical);
        self.lines.finish(&Occurrence { at, level, logger: metadata.target() }, values, scratch)
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
                self.lines.values().tell_trace(ids, &mut scratch.slots);
            }
            if let Some(fields) = known.get::<SpanFields>().and_then(|all| all.of(self.number)) {
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
        f.debug_struct("LogLayer").field("notation", &self.lines.notation).finish_non_exhaustive()
    }
}
