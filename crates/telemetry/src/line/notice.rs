use super::build::{Lines, Occurrence};
use super::pen::When;
use super::scratch::Scratch;
use super::slot::Slot;
use super::stamp::{Second, Stamp};
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
        let values = &self.values(When::Each);
        values.fill(Slot::Event, event, scratch);
        for (name, said) in fields {
            let mut fields = EventFields { values, scratch: &mut *scratch, is_critical: false };
            match said {
                Said::Count(count) => fields.take(name, *count),
                Said::Word(word) => fields.take(name, *word),
                Said::At(stamp) => {
                    let mut moment = Vec::new();
                    stamp.write(&mut Second::default(), &mut moment);
                    fields.take(name, str::from_utf8(&moment).unwrap_or_default());
                }
            }
        }
        self.finish(&Occurrence { at, level: LevelName::Warning, logger: "buttress_telemetry" }, scratch);
    }
}
