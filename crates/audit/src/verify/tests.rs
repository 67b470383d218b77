mod changed;
mod large;
mod place;
mod signed;
mod whole;
