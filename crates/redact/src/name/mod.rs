//! Which names are those of secrets.

mod fold;
mod rule;
mod table;
mod treatment;

pub(crate) use self::fold::Folded;
pub(crate) use self::rule::{Anchor, Rule};
pub(crate) use self::treatment::{Treatment, has_digit};

use self::table::{ALLOWED, HIDDEN, HIDDEN_IN_QUERIES, Row};

/// The names that hide their values, ready to be asked about.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    /// Rules for the end of a name, and for the whole of it, with the [end](end_of) of each, in order of it.
    endings: Vec<(u16, Rule)>,
    anywhere: Vec<Rule>,
    queries: Vec<Rule>,
    allowed: Vec<Rule>,
    /// A bit for each three letters that some rule ends with: nearly all names are told apart by it.
    ends: Box<[u64; ENDS / 64]>,
    /// The letters with which a rule for anywhere begins, in both cases.
    firsts: Box<[bool; 256]>,
}

const ENDS: usize = 1 << 15;

impl Names {
    pub(crate) fn none() -> Self {
        Self {
            endings: Vec::new(),
            anywhere: Vec::new(),
            queries: Vec::new(),
            allowed: Vec::new(),
            ends: Box::new([0; ENDS / 64]),
            firsts: Box::new([false; 256]),
        }
    }

    pub(crate) fn known() -> Self {
        let mut names = Self::none();
        for rule in rules(HIDDEN) {
            names.hide(rule);
        }
        names.queries.extend(rules(HIDDEN_IN_QUERIES));
        for name in ALLOWED {
            names.allow(name.as_bytes());
        }
        names
    }

    pub(crate) fn hide(&mut self, rule: Rule) {
        if rule.anchor == Anchor::Anywhere {
            if let Some(first) = rule.letters.first() {
                self.firsts[*first as usize] = true;
                self.firsts[first.to_ascii_uppercase() as usize] = true;
            }
            self.anywhere.push(rule);
        } else {
            let end = end_of(rule.letters.iter().rev().copied());
            self.ends[usize::from(end) / 64] |= 1 << (end % 64);
            let place = self.endings.partition_point(|(before, _)| *before <= end);
            self.endings.insert(place, (end, rule));
        }
    }

    /// Lets the value of a name be seen. The name is one without case and separators.
    pub(crate) fn allow(&mut self, letters: &[u8]) {
        let rule = Rule { anchor: Anchor::Whole, letters: letters.into(), treatment: Treatment::Hide };
        self.allowed.push(rule);
    }

    /// What the name says about its value.
    #[inline]
    pub(crate) fn of(&self, name: &[u8]) -> Option<Treatment> {
        if self.is_harmless(name) { None } else { self.look_up(name, true) }
    }

    /// The same for two words of running text, in which a word for a password says little about what follows.
    pub(crate) fn of_phrase(&self, name: &[u8]) -> Option<Treatment> {
        if self.is_harmless(name) { None } else { self.look_up(name, false) }
    }

    /// What the name of a URL's parameter says about its value.
    pub(crate) fn of_parameter(&self, name: &[u8]) -> Option<Treatment> {
        self.of(name).or_else(|| {
            let name = Folded::of(name);
            let allowed = self.allowed.iter().any(|rule| rule.fits(&name));
            if allowed { None } else { first(&self.queries, &name) }
        })
    }

    /// Tells most harmless names from the rest at a glance; a name that is not ASCII is always looked up.
    #[inline]
    fn is_harmless(&self, name: &[u8]) -> bool {
        let from_the_end = name.iter().rev().copied();
        let end = end_of(from_the_end.skip_while(|byte| !byte.is_ascii_alphabetic()));
        self.ends[usize::from(end) / 64] & (1 << (end % 64)) == 0 && !self.may_have_one_within(name)
    }

    fn may_have_one_within(&self, name: &[u8]) -> bool {
        let mut places = name.iter().enumerate();
        places
            .any(|(place, byte)| *byte >= 0x80 || self.firsts[*byte as usize] && self.begins(&name[place..]))
    }

    /// Whether the first three letters of a rule for anywhere stand here.
    fn begins(&self, name: &[u8]) -> bool {
        let letters = || name.iter().filter(|byte| byte.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase);
        self.anywhere.iter().any(|rule| letters().take(3).eq(rule.letters.iter().copied().take(3)))
    }

    #[cold]
    fn look_up(&self, name: &[u8], anywhere: bool) -> Option<Treatment> {
        let name = Folded::of(name);
        if self.allowed.iter().any(|rule| rule.fits(&name)) {
            return None;
        }
        let within = if anywhere { first(&self.anywhere, &name) } else { None };
        self.ending(&name).into_iter().chain(within).min()
    }

    fn ending(&self, name: &Folded) -> Option<Treatment> {
        let end = end_of(name.letters().iter().rev().copied());
        let start = self.endings.partition_point(|(before, _)| *before < end);
        let same = self.endings[start..].iter().take_while(|(of, _)| *of == end);
        same.map(|(_, rule)| rule).find(|rule| rule.fits(name)).map(|rule| rule.treatment)
    }
}

fn first(rules: &[Rule], name: &Folded) -> Option<Treatment> {
    rules.iter().find(|rule| rule.fits(name)).map(|rule| rule.treatment)
}

/// A number of 15 bits for the last three letters and digits, which come last first. Different ends may share one.
fn end_of(from_the_end: impl Iterator<Item = u8>) -> u16 {
    let letters = from_the_end.filter(u8::is_ascii_alphanumeric).take(3);
    letters.fold(0, |end, letter| end << 5 | u16::from(letter & 31))
}

fn rules(rows: &[Row]) -> impl Iterator<Item = Rule> {
    rows.iter().flat_map(|(anchor, treatment, names)| {
        names.iter().map(|name| Rule {
            anchor: *anchor,
            letters: name.as_bytes().into(),
            treatment: *treatment,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glance_never_contradicts_the_rules() {
        let names = Names::known();
        let all = HIDDEN.iter().flat_map(|(_, _, words)| *words);
        for word in all {
            for name in [
                (*word).to_owned(),
                word.to_ascii_uppercase(),
                format!("x_{word}"),
                format!("{word}_2"),
                format!("{word}[]"),
                format!("my-{word}"),
            ] {
                let told = names.look_up(name.as_bytes(), true);
                assert!(told.is_none() || !names.is_harmless(name.as_bytes()), "{name}");
            }
            assert!(names.look_up(word.as_bytes(), true).is_some(), "{word}");
        }
    }

    #[test]
    fn the_names_of_every_day_are_told_at_a_glance() {
        let names = Names::known();
        for name in [
            "id",
            "user_id",
            "level",
            "method",
            "status",
            "duration_ms",
            "trace_id",
            "message",
            "name",
            "tenant",
        ] {
            assert!(names.is_harmless(name.as_bytes()), "{name}");
        }
    }
}
