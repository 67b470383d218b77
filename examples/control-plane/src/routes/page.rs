//! Which part of a long list is asked for.

use serde_json::Value;

use super::Input;
use crate::connectors::Page;
use crate::problem::ApiProblem;

const DEFAULT_SIZE: u32 = 100;
const MAX_SIZE: u32 = 500;
/// Keeps page times size far from any limit of an upstream.
const MAX_PAGE: u32 = 100_000;

/// Reads `page` and `page_size`.
pub(super) fn page(mut query: Input) -> Result<Page, ApiProblem> {
    let up_to = |value: &Value, least: u32, most: u32| {
        value.as_str()?.parse().ok().filter(|number| (least..=most).contains(number))
    };
    let number = query.optional("page", 0, "0 to 100000", |value| up_to(value, 0, MAX_PAGE));
    let size = query.optional("page_size", DEFAULT_SIZE, "1 to 500", |value| up_to(value, 1, MAX_SIZE));
    query.finish(|| Some(Page { number: number?, size: size? }))
}
