//! Pages and filters of the Jamf-like lists.

use axum::Json;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use serde::Deserialize;
use serde_json::{Value, json};

use super::HERE;
use crate::refusal::Refusal;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Paging {
    #[serde(default)]
    page: usize,
    #[serde(default = "default_page_size")]
    page_size: usize,
    filter: Option<String>,
}

fn default_page_size() -> usize {
    100
}

pub(super) type Asked = Result<Query<Paging>, QueryRejection>;

/// What a list was asked for, once checked.
pub(super) struct Wanted {
    skip: usize,
    take: usize,
    filter: Option<(String, String)>,
}

pub(super) fn wanted(asked: Asked, fields: &[&str]) -> Result<Wanted, Refusal> {
    let Query(paging) = asked.map_err(|why| HERE.bad_request(why.body_text()))?;
    if !(1..=2_000).contains(&paging.page_size) {
        return Err(HERE.bad_request("page-size must be 1 to 2000").about("page-size"));
    }
    Ok(Wanted {
        skip: paging.page.saturating_mul(paging.page_size),
        take: paging.page_size,
        filter: paging.filter.map(|filter| known_filter(&filter, fields)).transpose()?,
    })
}

fn known_filter(filter: &str, fields: &[&str]) -> Result<(String, String), Refusal> {
    parse_filter(filter).filter(|(field, _)| fields.contains(&field.as_str())).ok_or_else(|| {
        let fields = fields.join(", ");
        HERE.bad_request(format!("filter must read FIELD==\"VALUE\", FIELD one of {fields}")).about("filter")
    })
}

/// Field and value of `field=="value"`.
fn parse_filter(filter: &str) -> Option<(String, String)> {
    let (field, quoted) = filter.split_once("==")?;
    let value = quoted.trim().strip_prefix('"')?.strip_suffix('"')?;
    Some((field.trim().to_owned(), value.to_owned()))
}

/// Whether a value is the wanted one; a star at the end stands for any ending.
fn matches(wanted: &str, value: &str) -> bool {
    wanted.strip_suffix('*').map_or(wanted == value, |start| value.starts_with(start))
}

impl Wanted {
    /// The page of those items whose field, read by `field`, matches.
    pub(super) fn page<T>(
        &self,
        items: impl Iterator<Item = T>,
        field: impl Fn(&T, &str) -> String,
        show: impl Fn(T) -> Value,
    ) -> Json<Value> {
        let matching: Vec<T> = items
            .filter(|item| {
                self.filter.as_ref().is_none_or(|(name, wanted)| matches(wanted, &field(item, name)))
            })
            .collect();
        let total = matching.len();
        let results: Vec<Value> = matching.into_iter().skip(self.skip).take(self.take).map(show).collect();
        Json(json!({ "totalCount": total, "results": results }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_a_field_and_a_quoted_value() {
        let parsed = |filter| parse_filter(filter);
        assert_eq!(parsed("name==\"Edge 1\""), Some(("name".into(), "Edge 1".into())));
        for filter in ["name=\"x\"", "name==x", "name==\"", "\"\""] {
            assert_eq!(parsed(filter), None, "{filter}");
        }
    }

    #[test]
    fn a_star_matches_any_ending_and_nothing_else_is_special() {
        let cases = [
            ("a*", "abc", true),
            ("a*", "a", true),
            ("*", "", true),
            ("a", "ab", false),
            ("a.", "ab", false),
        ];
        for (wanted, value, same) in cases {
            assert_eq!(matches(wanted, value), same, "{wanted} {value}");
        }
    }
}
