use buttress_core::{CorrelationId, InvalidCorrelationId};

use crate::Reason;

/// The value that all offers under one name agree on; `None` if nothing was offered.
pub(crate) fn agreed<'a, V: ?Sized + PartialEq>(
    mut offers: impl Iterator<Item = &'a V>,
) -> Option<Result<&'a V, Reason>> {
    let first = offers.next()?;
    Some(if offers.all(|other| other == first) { Ok(first) } else { Err(Reason::Conflict) })
}

/// Reads an ID that was offered as bytes; `as_text` is how such bytes become text.
pub(crate) fn read<'a, V: AsRef<[u8]> + ?Sized, E>(
    offered: &'a V,
    as_text: impl FnOnce(&'a V) -> Result<&'a str, E>,
) -> Result<CorrelationId, InvalidCorrelationId> {
    // The length first: a stranger decides how many bytes there are to look at.
    if offered.as_ref().len() > CorrelationId::MAX_BYTES {
        return Err(InvalidCorrelationId::TooLong);
    }
    let text = as_text(offered).map_err(|_| InvalidCorrelationId::Charset)?;
    CorrelationId::new(text)
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

    #[test]
    fn bytes_that_are_no_text_are_no_id() {
        let read = |offered: &[u8]| read(offered, str::from_utf8).map(|id| id.to_string());
        assert_eq!(read(b"a\xff"), Err(InvalidCorrelationId::Charset));
        assert_eq!(read(&[0xff; 4096]), Err(InvalidCorrelationId::TooLong));
        assert_eq!(read(b""), Err(InvalidCorrelationId::Empty));
        assert_eq!(read(b"a-1"), Ok("a-1".to_owned()));
    }
}
