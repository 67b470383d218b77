//! Feeders, most of them fed from directories that are written here line by line.

mod bench;
mod cursor;
mod feeding;
mod live;
mod trouble;
mod writer;
