//! Stops calling a service that keeps failing, and lets a few probes decide when to start again.
