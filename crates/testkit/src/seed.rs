use std::env;

use buttress_core::Entropy;

/// The environment variable that repeats a run.
const VARIABLE: &str = "BUTTRESS_SEED";

/// The seed of one test run: from `BUTTRESS_SEED` if that is set, by chance if not.
///
/// A test that panics while it holds one prints how to repeat the run, so keep it until the end of the test.
#[derive(Debug)]
pub struct Seed {
    test: &'static str,
    value: u64,
}

impl Seed {
    /// The seed for the named test.
    ///
    /// # Panics
    ///
    /// If `BUTTRESS_SEED` is set and is no unsigned number of 64 bits.
    pub fn take(test: &'static str) -> Self {
        Self { test, value: chosen(env::var(VARIABLE).ok().as_deref()) }
    }

    /// The seed itself.
    pub fn value(&self) -> u64 {
        self.value
    }

    /// The chance that belongs to it, from the start.
    pub fn entropy(&self) -> Entropy {
        Entropy::seeded(self.value)
    }
}

fn chosen(given: Option<&str>) -> u64 {
    match given.map(str::parse) {
        Some(Ok(seed)) => seed,
        Some(Err(why)) => panic!("{VARIABLE} is no seed: {why}"),
        None => Entropy::system().draw(),
    }
}

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{} failed; repeat the run with {VARIABLE}={}", self.test, self.value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_given_seed_is_taken_and_repeats_the_draws() {
        let seed = Seed { test: "this test", value: chosen(Some("42")) };
        assert_eq!(seed.value(), 42);
        assert_eq!(seed.entropy().draw(), seed.entropy().draw());
    }

    #[test]
    #[should_panic(expected = "BUTTRESS_SEED is no seed")]
    fn a_seed_that_is_no_number_is_told() {
        chosen(Some("tuesday"));
    }

    #[test]
    fn without_a_seed_runs_differ() {
        assert_ne!(chosen(None), chosen(None));
    }
}
