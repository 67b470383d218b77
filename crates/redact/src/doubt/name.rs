//! What stands to the left of a sign of assignment, if it ends like a telling name.

use memchr::{memrchr, memrchr3};

use crate::name::{Ended, Names};

/// How far back the sign is searched behind which a parameter of a URL begins: as far as its name may be long, with
/// what may stand between name and sign.
const LONGEST: usize = 192;

/// Whether a name in quotes, which ends here but for blanks, is not ASCII: such letters may stand for others.
#[cold]
pub(super) fn is_foreign(front: &[u8]) -> bool {
    let Some(name) = front.trim_ascii_end().strip_suffix(b"\"") else { return false };
    let start = memrchr(b'"', name).map_or(0, |quote| quote + 1);
    crate::effort::spend(name.len() - start);
    !name[start..].is_ascii()
}

/// Whether the name before a sign may be telling, and something follows that could be hidden.
#[cold]
pub(super) fn is_doubtful(names: &Names, text: &[u8], sign: usize) -> bool {
    let front = &text[..sign];
    match names.ends().ended(front) {
        None => false,
        Some(Ended::Name) => !is_empty(&text[sign..], front),
        Some(Ended::Parameter) => {
            memrchr3(b'?', b'&', b';', &front[sign.saturating_sub(LONGEST)..]).is_some()
        }
    }
}

/// Whether a name in quotes has a value that gives nothing away.
fn is_empty(rest: &[u8], front: &[u8]) -> bool {
    let value = if front.last() == Some(&b'"') { rest.strip_prefix(b":") } else { None };
    let is = |word: &&[u8]| {
        let behind = value.and_then(|value| value.strip_prefix(*word));
        matches!(behind, Some([b',' | b'}', ..]))
    };
    [&b"\"\""[..], b"null", b"true", b"false"].iter().any(is)
}
