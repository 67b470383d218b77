use crate::class::Class;
use crate::effort;

/// Where runs of a class end, remembered so that no byte is looked at twice for the same class.
///
/// Without it a run of a million `eyJ` would be walked to its end a third of a million times.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    seen: [(usize, usize); Class::COUNT],
}

impl Runs {
    /// The end of the run of `class` that `from` is in; `from` itself if it is in none.
    pub(crate) fn end(&mut self, class: Class, text: &[u8], from: usize) -> usize {
        let (start, end) = self.seen[class as usize];
        if start <= from && from < end {
            return end;
        }
        let end = walk(class, text, from);
        self.seen[class as usize] = (from, end);
        end
    }
}

fn walk(class: Class, text: &[u8], from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    let len = rest.iter().position(|byte| !class.has(*byte)).unwrap_or(rest.len());
    effort::spend(len);
    from + len
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_walked_once() {
        let text = [b'a'; 1_000];
        let mut runs = Runs::default();
        let spent = effort::measure(|| {
            for from in 0..1_000 {
                assert_eq!(runs.end(Class::Alnum, &text, from), 1_000);
            }
        });
        assert_eq!(spent, 1_000);
    }

    #[test]
    fn a_run_ends_where_its_class_ends() {
        let mut runs = Runs::default();
        assert_eq!(runs.end(Class::Alnum, b"abc-def", 0), 3);
        assert_eq!(runs.end(Class::Alnum, b"abc-def", 1), 3);
        assert_eq!(runs.end(Class::Alnum, b"abc-def", 3), 3);
        assert_eq!(runs.end(Class::Alnum, b"abc-def", 4), 7);
        assert_eq!(runs.end(Class::Base64Url, b"abc-def", 0), 7);
        assert_eq!(runs.end(Class::Alnum, b"abc-def", 9), 9);
    }
}
