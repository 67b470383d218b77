//! reqwest as a Tower service, and an ergonomic resilient client on top.
