mod basics;
mod child;
mod damage;
mod directory;
mod files;
mod full;
mod kill;
mod sample;
