//! Verifies, follows and searches audit logs.

fn main() {}
