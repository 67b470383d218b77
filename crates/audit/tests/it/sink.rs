//! Feeders, fed from directories that are written here line by line.

mod bench;
mod cursor;
mod feeding;
mod trouble;
mod writer;
