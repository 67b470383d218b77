//! Retries that cannot make an outage worse: safe methods, budgets, jitter, deadlines, replayed bodies.
