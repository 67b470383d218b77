use super::build::{Lines, Occurrence};
use super::scratch::Scratch;
use super::slot::Slot;
use super::stamp::Stamp;
use super::value::{Digits, Value, When};
use super::visit::Take;
use super::{EventFields, LevelName};

/// What a field of a notice says.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Said<'a> {
    Count(u64),
    At(Stamp),
    Word(&'a str),
}

impl Lines {
    /// Writes a line of the log about itself.
    pub(crate) fn notice(
        &self,
        at: Stamp,
        event: &'static str,
        fields: &[(&'static str, Said<'_>)],
        scratch: &mut Scratch,
    ) {
        scratch.clear();
        let values = self.values(When::Each);
        values.fill(Slot::Event, event, scratch);
        for (name, said) in fields {
            let mut moment = Vec::new();
            if let Said::At(stamp) = said {
                stamp.write(&mut scratch.second, &mut moment);
            }
            let mut digits = [0; 40];
            let value = match said {
                Said::Count(count) => Value::Number(Digits::of(*count, false, &mut digits)),
                Said::At(_) => Value::Text(str::from_utf8(&moment).unwrap_or_default()),
                Said::Word(word) => Value::Text(word),
            };
            EventFields { values, scratch: &mut *scratch, is_critical: false }.take(name, value);
        }
        self.finish(&Occurrence { at, level: LevelName::Warning, logger: "buttress_telemetry" }, scratch);
    }
}
