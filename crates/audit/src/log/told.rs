use serde::Deserialize;

/// Which record is the oldest one that is kept, as an event about a deletion or about a new file says; none if it is
/// about something else.
pub(super) fn kept_from(event: &[u8]) -> Option<u64> {
    memchr::memmem::find(event, b"\"AUDIT_")?;
    match serde_json::from_slice::<Told<'_>>(event).ok()? {
        Told { action: "AUDIT_RETENTION", details: Details { last, .. } } => last?.checked_add(1),
        Told { action: "AUDIT_SEGMENT_OPENED", details: Details { first_kept, .. } } => first_kept,
        _ => None,
    }
}

#[derive(Deserialize)]
struct Told<'a> {
    action: &'a str,
    details: Details,
}

#[derive(Deserialize)]
struct Details {
    first_kept: Option<u64>,
    last: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_records_about_deletions_and_new_files_say_what_is_kept() {
        let cases: [(&[u8], _); 6] = [
            (br#"{"action":"AUDIT_RETENTION","details":{"first":1,"last":8}}"#, Some(9)),
            (br#"{"action":"AUDIT_SEGMENT_OPENED","details":{"first_kept":9,"why":"size"}}"#, Some(9)),
            (br#"{"action":"AUDIT_SEGMENT_OPENED","details":{"why":"size"}}"#, None),
            (br#"{"action":"AUDIT_GAP","details":{"last":8,"first_kept":9}}"#, None),
            (br#"{"action":"UPDATE","details":{"text":"AUDIT_RETENTION","last":8}}"#, None),
            (br#"{"action":"AUDIT_RETENTION"}"#, None),
        ];
        for (event, expected) in cases {
            assert_eq!(kept_from(event), expected, "{}", String::from_utf8_lossy(event));
        }
    }
}
