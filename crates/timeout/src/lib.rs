//! Timeouts and the one deadline that everything in a request consults.
