/// What becomes of the units that a request was charged, once its response is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Settle {
    /// They stay spent.
    #[default]
    Keep,
    /// So many units are given back, at most what was charged.
    Refund(u64),
    /// So many units are charged on top, as far as one burst goes; what is beyond that is let off.
    Charge(u64),
}

impl Settle {
    /// All units are given back, as if the request had not come.
    pub const REFUND: Self = Self::Refund(u64::MAX);
}
