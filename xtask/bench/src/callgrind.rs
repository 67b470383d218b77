//! Reads what callgrind wrote: how many instructions, and how often memory was asked for.
//!
//! Counting the calls of `malloc` from outside leaves the measured program as it is; an allocator that counts would
//! add its own instructions to every allocation of every peer.

use std::collections::HashMap;

use crate::Failure;

/// What the system's allocator is asked through.
const ALLOCATORS: [&str; 5] = ["malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc"];

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Totals {
    pub(crate) instructions: u64,
    pub(crate) allocations: u64,
}

/// Adds up one profile; see "Callgrind Format Specification" in valgrind's manual.
pub(crate) fn read(profile: &str) -> Result<Totals, Failure> {
    let mut names: HashMap<&str, &str> = HashMap::new();
    let mut callee = "";
    let mut totals = Totals::default();
    let mut is_complete = false;
    for line in profile.lines() {
        if let Some(function) = line.strip_prefix("fn=") {
            name(&mut names, function);
        } else if let Some(function) = line.strip_prefix("cfn=") {
            callee = name(&mut names, function);
        } else if let Some(calls) = line.strip_prefix("calls=") {
            if ALLOCATORS.contains(&callee) {
                totals.allocations += first_number(calls)?;
            }
        } else if let Some(sum) = line.strip_prefix("totals:") {
            totals.instructions = first_number(sum)?;
            is_complete = true;
        }
    }
    if is_complete { Ok(totals) } else { Err("callgrind wrote no totals".into()) }
}

/// The name in `(7) malloc`, or the one that `(7)` was given before.
fn name<'a>(names: &mut HashMap<&'a str, &'a str>, function: &'a str) -> &'a str {
    match function.split_once(' ') {
        Some((number, name)) => {
            names.insert(number, name);
            name
        }
        None => names.get(function).copied().unwrap_or(function),
    }
}

fn first_number(text: &str) -> Result<u64, Failure> {
    let number = text.split_whitespace().next().ok_or("callgrind wrote no number where one belongs")?;
    Ok(number.parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_the_allocator_are_added_up_under_the_number_that_stands_for_its_name() {
        let profile = "\
events: Ir
fn=(1) bench::main
10 5
cfn=(2) malloc
calls=3 0
10 120
cfn=(3) free
calls=3 0
10 60
fn=(4) bench::other
cfn=(2)
calls=2 0
11 80
totals: 265
";
        assert_eq!(read(profile).ok(), Some(Totals { instructions: 265, allocations: 5 }));
    }

    #[test]
    fn a_profile_that_was_cut_off_is_an_error() {
        assert!(read("fn=(1) main\n10 5\n").is_err());
    }
}
