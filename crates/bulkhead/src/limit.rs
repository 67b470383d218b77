use buttress_core::Checks;

/// How many calls may run at once. Never 0, so that neither a setting nor a controller can shut a service for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit(u32);

impl Limit {
    const MOST: u32 = 1_000_000;

    /// A limit of `calls`; notes a problem if that is out of range, and stays in it.
    pub(crate) fn checked(calls: u32, checks: &mut Checks) -> Self {
        checks.require((1..=Self::MOST).contains(&calls), "max_concurrent", calls, "1 to 1,000,000");
        Self(calls.clamp(1, Self::MOST))
    }

    pub(crate) const fn get(self) -> u32 {
        self.0
    }
}
