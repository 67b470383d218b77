use std::fmt;

/// Which trace and which span of it a tracing span belongs to.
///
/// The seam for tracers: a layer that knows puts it into the extensions of a span, and every line inside that span
/// has `trace_id` and `span_id`. Both are as W3C Trace Context has them, the first byte highest.
///
/// ```
/// use buttress_telemetry::TraceIds;
///
/// let ids = TraceIds { trace_id: 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736, span_id: 0x00f0_67aa_0ba9_02b7 };
/// assert_eq!(ids.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceIds {
    /// The 16 bytes that name the trace.
    pub trace_id: u128,
    /// The 8 bytes that name the span.
    pub span_id: u64,
}

/// Trace and span, with a dash between them.
impl fmt::Display for TraceIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}-{:016x}", self.trace_id, self.span_id)
    }
}
