//! The example server: deploys packages to device fleets through two flaky upstreams.
