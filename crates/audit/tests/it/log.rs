mod basics;
mod child;
mod directory;
mod sample;
