//! Whole-stack tests; see the files beside this folder.
