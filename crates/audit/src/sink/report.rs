use std::error::Error;
use std::sync::Arc;

/// The most letters of an error that are kept, so that no sink decides how much memory its complaints take.
const LONGEST: usize = 1_024;

/// An error and its causes in one line.
pub(super) fn report(error: &(dyn Error + 'static)) -> Arc<str> {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        if text.len() > LONGEST {
            break;
        }
        let said = error.to_string();
        // Some libraries repeat the cause in what they say themselves.
        if !text.ends_with(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    let printable = |letter: char| if letter.is_control() { ' ' } else { letter };
    text.chars().take(LONGEST).map(printable).collect::<String>().into()
}
