//! Which names are those of secrets.

mod ends;
mod fold;
mod glance;
mod rule;
mod table;
mod treatment;

pub(crate) use self::ends::{Ended, Ends};
pub(crate) use self::fold::Folded;
pub(crate) use self::rule::{Anchor, Rule};
pub(crate) use self::treatment::{Treatment, has_digit};

use self::glance::Glance;
#[cfg(test)]
pub(crate) use self::table::{HIDDEN, HIDDEN_IN_QUERIES};

use self::table::{ALLOWED, Row};
#[cfg(not(test))]
use self::table::{HIDDEN, HIDDEN_IN_QUERIES};

/// The names that hide their values, ready to be asked about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    /// Rules for the end of a name, and for the whole of it.
    endings: Vec<Rule>,
    anywhere: Vec<Rule>,
    queries: Vec<Rule>,
    allowed: Vec<Rule>,
    glance: Glance,
}

impl Names {
    pub(crate) fn known() -> Self {
        let mut names = Self::default();
        for rule in rules(HIDDEN) {
            names.hide(rule);
        }
        for rule in rules(HIDDEN_IN_QUERIES) {
            names.glance.ends.insert(&rule.letters, None);
            names.queries.push(rule);
        }
        for name in ALLOWED {
            names.allow(name.as_bytes());
        }
        names
    }

    pub(crate) fn hide(&mut self, rule: Rule) {
        if rule.anchor == Anchor::Anywhere {
            self.glance.look_within(&rule.letters);
            self.anywhere.push(rule);
        } else {
            self.glance.look_at_end(&rule.letters, self.endings.len());
            self.endings.push(rule);
        }
    }

    /// Lets the value of a name be seen. The name is one without case and separators.
    pub(crate) fn allow(&mut self, letters: &[u8]) {
        let rule = Rule { anchor: Anchor::Whole, letters: letters.into(), treatment: Treatment::Hide };
        self.allowed.push(rule);
    }

    /// How names end that tell, or that tell in the query of a URL.
    #[inline]
    pub(crate) fn ends(&self) -> &Ends {
        &self.glance.ends
    }

    /// The words that tell anywhere in a name.
    pub(crate) fn words(&self) -> impl Iterator<Item = &[u8]> + Clone {
        self.anywhere.iter().map(|rule| &*rule.letters)
    }

    /// What the name says about its value.
    #[inline]
    pub(crate) fn of(&self, name: &[u8]) -> Option<Treatment> {
        if self.glance.is_harmless(name) { None } else { self.look_up(name, true) }
    }

    /// The same by one rule after another.
    #[cfg(test)]
    pub(crate) fn in_full(&self, name: &[u8]) -> Option<Treatment> {
        let name = Folded::of(name);
        let told = first(&self.endings, &name).into_iter().chain(first(&self.anywhere, &name)).min();
        told.filter(|_| !self.allowed.iter().any(|rule| rule.fits(&name)))
    }

    /// The same for two words of running text, in which a word for a password says little about what follows.
    pub(crate) fn of_phrase(&self, name: &[u8]) -> Option<Treatment> {
        if self.glance.is_harmless(name) { None } else { self.look_up(name, false) }
    }

    /// What the name of a URL's parameter says about its value.
    pub(crate) fn of_parameter(&self, name: &[u8]) -> Option<Treatment> {
        self.of(name).or_else(|| {
            let name = Folded::of(name);
            let allowed = self.allowed.iter().any(|rule| rule.fits(&name));
            if allowed { None } else { first(&self.queries, &name) }
        })
    }

    #[cold]
    fn look_up(&self, name: &[u8], anywhere: bool) -> Option<Treatment> {
        let name = Folded::of(name);
        let anywhere = anywhere && !self.glance.has_no_word(name.letters());
        let within = if anywhere { first(&self.anywhere, &name) } else { None };
        let endings = self.glance.ends.rules(name.letters()).filter(|rule| self.endings[*rule].fits(&name));
        let ending = endings.min().map(|rule| self.endings[rule].treatment);
        let told = ending.into_iter().chain(within).min();
        told.filter(|_| !self.allowed.iter().any(|rule| rule.fits(&name)))
    }
}

fn first(rules: &[Rule], name: &Folded) -> Option<Treatment> {
    rules.iter().find(|rule| rule.fits(name)).map(|rule| rule.treatment)
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
                let told = names.in_full(name.as_bytes());
                assert!(told.is_none() || !names.glance.is_harmless(name.as_bytes()), "{name}");
            }
            assert!(names.in_full(word.as_bytes()).is_some(), "{word}");
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
            assert!(names.glance.is_harmless(name.as_bytes()), "{name}");
        }
    }
}
