//! Idempotency records in PostgreSQL, by lease or in the transaction of your own writes.
