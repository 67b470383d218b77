//! Backoff schedules with jitter, as pure functions of the attempt and one random draw.
