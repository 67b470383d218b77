//! Client secrets of Azure: three signs and a digit, `Q~`, and 31 to 34 signs more.

use std::ops::Range;

use crate::class::Class;
use crate::mask::Mask;
use crate::scan::{Span, View};

/// Looks at `8Q~`, of which the digit is the fourth sign.
pub(crate) fn find<'r>(view: &mut View<'_>, found: &Range<usize>) -> Option<Span<'r>> {
    let start = view.run_back(Class::Token68, found.start, 3);
    let end = view.run(Class::Token68, found.end);
    let fits = view.is_border(start)
        && found.start - start == 3
        && (31..=34).contains(&(end - found.end))
        && view.is_end(end);
    fits.then(|| Span::new(start..end, Mask::Kind("azure")))
}
