//! Audit events in NATS JetStream.
