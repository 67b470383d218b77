//! Whole-stack tests; they are in the folder `it` beside this one.
