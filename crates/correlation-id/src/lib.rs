//! One correlation ID from the caller through every log line, task, queue and outbound call.
