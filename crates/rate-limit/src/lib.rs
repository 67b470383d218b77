//! Limits how often callers may ask: exact rates in bounded memory, on one machine and across many.
