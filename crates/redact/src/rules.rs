use crate::detect::card;
use crate::detector::{Detector, Detectors};
use crate::doubt::Suspicion;
use crate::mask::Mask;
use crate::name::{Names, Treatment};
use crate::pass::whole;
use crate::scan::{Literals, Scan};
use crate::sink::Sink;

/// Everything a pass over an input goes by.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) names: Names,
    pub(crate) detectors: Detectors,
    /// The fixed texts that are known from the start.
    pub(crate) known: Literals,
    /// The fixed texts of the user. They are searched apart, because there is a limit to how many are found at once.
    pub(crate) own: Literals,
    /// What makes a place worth a look.
    pub(crate) suspicion: Suspicion,
    pub(crate) max_bytes: usize,
    pub(crate) max_depth: usize,
}

impl Rules {
    /// What a name says about its value, as it is or with masks for what is found in it: it is only seen that way
    /// the next time.
    pub(crate) fn told_by(
        &self,
        name: &[u8],
        of: fn(&Names, &[u8]) -> Option<Treatment>,
    ) -> Option<Treatment> {
        let mut sink = Sink::new(name);
        whole(self, name, &mut sink);
        let masked = if sink.changed() { of(&self.names, &sink.into_cow().0) } else { None };
        match (of(&self.names, name), masked) {
            (Some(told), Some(masked)) if told != masked => Some(Treatment::Hide),
            (told, masked) => told.or(masked),
        }
    }

    /// What to write instead of a number that no name tells anything about, unless it may stay.
    pub(crate) fn of_number(&self, digits: &[u8]) -> Option<Mask<'static>> {
        let cards = self.detectors.has(Detector::Cards);
        let card = if cards { card::alone(digits).map(Mask::Card) } else { None };
        card.or_else(|| self.has_own(digits).then_some(Mask::Hidden))
    }

    /// Whether there is something in a text that the user has told of.
    fn has_own(&self, text: &[u8]) -> bool {
        let mut sink = Sink::new(text);
        if self.own.find(text, 0).is_some() {
            Scan::new(self, text).own(&mut sink);
        }
        sink.changed()
    }

    /// What to go by if nothing else can be had: everything is too long.
    pub(crate) fn hide_all() -> Self {
        Self {
            names: Names::default(),
            detectors: Detectors::NONE,
            known: Literals::none(),
            own: Literals::none(),
            suspicion: Suspicion::of_everything(),
            max_bytes: 0,
            max_depth: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pass::Reading;

    #[test]
    fn without_rules_everything_is_hidden() {
        for (reading, expected) in [
            (Reading::Text, &b"***REDACTED:too_long***"[..]),
            (Reading::Json, b"\"***REDACTED:too_long***\""),
        ] {
            let mut sink = Sink::new(b"1");
            reading.pass(&Rules::hide_all(), b"1", &mut sink);
            assert_eq!(sink.finish().0, expected);
        }
    }
}
