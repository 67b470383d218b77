use crate::Reason;

/// The value that all offers under one name agree on; `None` if nothing was offered.
pub(crate) fn agreed<'a, V: ?Sized + PartialEq>(
    mut offers: impl Iterator<Item = &'a V>,
) -> Option<Result<&'a V, Reason>> {
    let first = offers.next()?;
    Some(if offers.all(|other| other == first) { Ok(first) } else { Err(Reason::Conflict) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_offers_are_one_and_different_ones_a_conflict() {
        let agree = |offers: &[&'static str]| agreed(offers.iter().copied());
        assert_eq!(agree(&[]), None);
        assert_eq!(agree(&["a"]), Some(Ok("a")));
        assert_eq!(agree(&["a", "a", "a"]), Some(Ok("a")));
        assert_eq!(agree(&["a", "a", "b"]), Some(Err(Reason::Conflict)));
        assert_eq!(agree(&["a", "A"]), Some(Err(Reason::Conflict)));
    }
}
