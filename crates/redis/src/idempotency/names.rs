use std::fmt::Write as _;

use buttress_idempotency::RecordId;

/// How keys are called on the server.
#[derive(Clone, Debug)]
pub(super) struct Names {
    /// What the names of all records begin with, up to the brace.
    records: String,
    marks: String,
}

/// Numbers that a Cluster keeps in as many different parts of its 16,384 slots, one in each 256, in order: whoever has
/// 511 slots in a row has one of them.
const SPREAD: [u16; 64] = [
    10, 18, 113, 342, 29, 21, 3, 122, 69, 61, 72, 162, 50, 58, 153, 43, 11, 19, 112, 343, 28, 20, 2, 123, 68,
    60, 73, 163, 51, 59, 152, 42, 12, 102, 111, 119, 133, 23, 1, 9, 173, 63, 70, 78, 52, 142, 49, 41, 13,
    103, 110, 118, 132, 22, 0, 8, 172, 62, 71, 79, 53, 143, 48, 40,
];

impl Names {
    pub(super) fn new(prefix: &str) -> Self {
        Self { records: format!("{prefix}:idempotency:"), marks: format!("{prefix}:generation:") }
    }

    /// `prefix:idempotency:{id}`, the ID as 64 hexadecimal digits. A record is one key, so any name would do for a
    /// Cluster; the braces keep what others call their keys away from the choice of the node.
    pub(super) fn of(&self, id: RecordId) -> String {
        let mut name = String::with_capacity(self.records.len() + 66);
        name.push_str(&self.records);
        name.push('{');
        for byte in id.as_bytes() {
            let _ = write!(name, "{byte:02x}");
        }
        name.push('}');
        name
    }

    /// Whose name that is; `None` if it is not the name of a record.
    pub(super) fn id(&self, name: &[u8]) -> Option<RecordId> {
        let digits = name.strip_prefix(self.records.as_bytes())?.strip_prefix(b"{")?.strip_suffix(b"}")?;
        let mut id = [0; 32];
        if digits.len() != 2 * id.len() {
            return None;
        }
        for (byte, pair) in id.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(RecordId::from_bytes(id))
    }

    /// The pattern that the names of all records match.
    pub(super) fn pattern(&self) -> String {
        let mut pattern = String::new();
        for letter in self.records.chars() {
            if matches!(letter, '*' | '?' | '[' | ']' | '\\' | '^' | '-') {
                pattern.push('\\');
            }
            pattern.push(letter);
        }
        pattern + "{*}"
    }

    /// Keys by which a server is known to have its data still: one, or on a Cluster some for each server.
    pub(super) fn marks(&self, cluster: bool) -> Vec<String> {
        let marks = if cluster { &SPREAD[..] } else { &[0] };
        marks.iter().map(|mark| format!("{}{{{mark}}}", self.marks)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_its_record_and_nothing_else_does() {
        let names = Names::new("shop");
        let mut id = [0xab; 32];
        id[0] = 0x01;
        let id = RecordId::from_bytes(id);
        let name = names.of(id);
        assert_eq!(name, format!("shop:idempotency:{{01{}}}", "ab".repeat(31)));
        assert_eq!(names.id(name.as_bytes()), Some(id));
        for other in ["", "shop:idempotency:", "shop:idempotency:{}", &name[1..], &name[..name.len() - 1]] {
            assert_eq!(names.id(other.as_bytes()), None, "{other}");
        }
        assert_eq!(names.id(name.replace("ab", "ax").as_bytes()), None);
        assert_eq!(names.id(name.replace("ab", "é").as_bytes()), None);
    }

    #[test]
    fn a_pattern_means_the_prefix_letter_by_letter() {
        assert_eq!(Names::new("a*[b]?\\").pattern(), r"a\*\[b\]\?\\:idempotency:{*}");
    }
}
