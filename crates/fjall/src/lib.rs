//! Idempotency records in an embedded database, durable on one machine without a server.
