//! The fault in force at one upstream, and how requests use it up.

use tokio::sync::watch;

use crate::fault::{Fault, Verdict};
use crate::fields::InvalidFields;

/// The fault in force at one upstream.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    in_force: watch::Sender<InForce>,
}

impl Faults {
    pub(crate) fn get(&self) -> Fault {
        self.in_force.borrow().fault
    }

    pub(crate) fn set(&self, fault: Fault) -> Result<(), InvalidFields> {
        let fault = fault.checked()?;
        self.in_force.send_modify(|in_force| in_force.replace(fault));
        Ok(())
    }

    pub(crate) fn clear(&self) {
        self.in_force.send_modify(|in_force| in_force.replace(Fault::default()));
    }

    pub(crate) fn meet(&self) -> Verdict {
        let mut verdict = None;
        // No one waits for a draw, so nobody is woken.
        self.in_force.send_if_modified(|in_force| {
            verdict = Some(in_force.meet());
            false
        });
        verdict.unwrap_or(Verdict::Reset)
    }

    pub(crate) async fn changed_since(&self, generation: u64) {
        let mut in_force = self.in_force.subscribe();
        // An error would mean that the sender is gone, and `self` holds it.
        let _ = in_force.wait_for(|in_force| in_force.generation != generation).await;
    }
}

/// A fault with what it has used up; a fault that ran out by itself keeps its generation, so that the requests
/// it holds stay held.
#[derive(Debug, Default)]
struct InForce {
    fault: Fault,
    draws: u64,
    generation: u64,
}

impl InForce {
    fn replace(&mut self, fault: Fault) {
        *self = Self { fault, draws: 0, generation: self.generation + 1 };
    }

    fn meet(&mut self) -> Verdict {
        let verdict = self.fault.verdict(self.draws, self.generation);
        self.draws += 1;
        if let Some(left) = &mut self.fault.times {
            *left -= 1;
            if *left == 0 {
                self.fault = Fault::default();
            }
        }
        verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Plan;

    fn fails(verdict: Verdict) -> bool {
        matches!(verdict, Verdict::Answer(Plan { error: Some(_), .. }))
    }

    fn in_force(fault: Fault) -> InForce {
        InForce { fault, ..InForce::default() }
    }

    #[test]
    fn the_same_seed_fails_the_same_requests_and_about_the_rate_of_them() {
        let third = Fault { error_rate: Some(0.3), seed: Some(7), ..Fault::default() };
        let draws = |fault| {
            let mut in_force = in_force(fault);
            (0..10_000).map(move |_| fails(in_force.meet())).collect::<Vec<_>>()
        };
        let first = draws(third);
        assert_eq!(first, draws(third));
        assert_ne!(first, draws(Fault { seed: Some(8), ..third }));
        let failed = first.iter().filter(|failed| **failed).count();
        assert!((2_900..=3_100).contains(&failed), "{failed} of 10000");
    }

    #[test]
    fn a_fault_with_times_clears_itself_after_that_many_requests() {
        let mut in_force = in_force(Fault::answering(500).times(2));
        let met: Vec<_> = (0..4).map(|_| fails(in_force.meet())).collect();
        assert_eq!(met, [true, true, false, false]);
        assert_eq!(in_force.fault, Fault::default());
    }

    #[test]
    fn running_out_does_not_change_the_generation_but_replacing_does() {
        let mut in_force = in_force(Fault::hang().times(1));
        assert_eq!(in_force.meet(), Verdict::Hang { generation: 0 });
        assert_eq!((in_force.generation, in_force.fault), (0, Fault::default()));
        in_force.replace(Fault::default());
        assert_eq!(in_force.generation, 1);
    }

    #[test]
    fn a_fault_made_in_code_is_held_to_the_same_ranges() {
        let faults = Faults::default();
        let wrong = faults.set(Fault::answering(200)).unwrap_err();
        assert_eq!(wrong.problems()[0].field, "status");
        let wrong = faults.set(Fault { error_rate: Some(f64::NAN), ..Fault::default() }).unwrap_err();
        assert_eq!(wrong.problems()[0].field, "error_rate");
        assert_eq!(faults.get(), Fault::default());
    }
}
