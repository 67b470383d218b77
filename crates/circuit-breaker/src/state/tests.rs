mod naive;
mod table;
