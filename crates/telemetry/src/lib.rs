//! Log lines that explain themselves.
