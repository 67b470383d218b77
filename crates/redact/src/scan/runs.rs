use crate::class::Class;
use crate::effort;

/// Where the last runs of each class end, remembered so that no run is walked again and again.
///
/// Without it a run of a million `-eyJ` would be walked to its end a quarter of a million times. A token has up to
/// three parts that are looked at before it is judged, so as many runs have to be remembered.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    seen: [Last; Class::COUNT],
}

#[derive(Clone, Copy, Debug, Default)]
struct Last {
    runs: [(usize, usize); 4],
    oldest: usize,
}

impl Runs {
    /// The end of the run of `class` that `from` is in; `from` itself if it is in none.
    pub(crate) fn end(&mut self, class: Class, text: &[u8], from: usize) -> usize {
        let last = &mut self.seen[class as usize];
        if let Some((_, end)) = last.runs.iter().find(|(start, end)| *start <= from && from < *end) {
            return *end;
        }
        let end = walk(class, text, from);
        if end > from {
            last.runs[last.oldest] = (from, end);
            last.oldest = (last.oldest + 1) % last.runs.len();
        }
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
