/// How a UUID is spelled (RFC 9562), but for its digits.
const SHAPE: [u8; 36] = *b"00000000-0000-0000-0000-000000000000";

/// Whether a text is a UUID in lower case, with dashes.
#[inline]
pub(crate) fn is_uuid(text: &[u8]) -> bool {
    let Ok(text) = <[u8; 36]>::try_from(text) else { return false };
    // Many bytes at once, as there is no way out in between.
    text.map(|byte| if byte.is_ascii_digit() | matches!(byte, b'a'..=b'f') { b'0' } else { byte }) == SHAPE
}

#[cfg(test)]
mod tests {
    use buttress_redact::Redactor;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_what_is_spelled_so_is_one() {
        let uuid = b"7c9e6679-7425-40de-944b-e07f9e3779b1";
        assert!(is_uuid(uuid));
        for place in 0..uuid.len() {
            for byte in *b"gG-A_ .\0\xff0" {
                let mut text = *uuid;
                text[place] = byte;
                let stays = byte == uuid[place] || byte == b'0' && uuid[place] != b'-';
                assert_eq!(is_uuid(&text), stays, "{byte:#x} at {place}");
            }
        }
        assert!(!is_uuid(&uuid[1..]) && !is_uuid(b"") && !is_uuid(&[&uuid[..], b"0"].concat()));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]
        #[test]
        fn a_uuid_is_nothing_to_hide(
            uuid in prop_oneof![
                "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
                "[0-9]{8}(-[0-9]{4}){3}-[0-9]{12}",
                "[0-9a]{8}(-[0-9]{4}){3}-[0-9a]{12}",
                "[a-f]{8}(-[a-f]{4}){3}-[a-f]{12}",
            ],
        ) {
            prop_assert!(is_uuid(uuid.as_bytes()));
            prop_assert_eq!(Redactor::default().field("correlation_id", &uuid), uuid.as_str());
        }
    }
}
