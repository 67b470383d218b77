//! Simulated device-management upstreams that fail on command.
