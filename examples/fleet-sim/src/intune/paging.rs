//! Pages and filters of the Intune-like lists.

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::HeaderMap;
use axum::http::header::HOST;
use serde::Deserialize;
use serde_json::{Value, json};

use super::HERE;
use crate::refusal::Refusal;

#[derive(Debug, Deserialize)]
pub(super) struct Paging {
    #[serde(rename = "$top", default = "default_top")]
    pub(super) top: usize,
    #[serde(rename = "$skip", default)]
    pub(super) skip: usize,
    #[serde(rename = "$filter")]
    pub(super) filter: Option<String>,
}

fn default_top() -> usize {
    100
}

pub(super) type Asked = Result<Query<Paging>, QueryRejection>;

pub(super) fn paging(asked: Asked) -> Result<Paging, Refusal> {
    let Query(paging) = asked.map_err(|why| HERE.bad_request(why.body_text()))?;
    if (1..=999).contains(&paging.top) { Ok(paging) } else { Err(HERE.bad_request("$top must be 1 to 999")) }
}

/// The absolute address of a collection as this caller knows it.
pub(super) fn next_url(headers: &HeaderMap, path: &str) -> String {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    format!("http://{host}/{HERE}{path}")
}

pub(super) fn page(items: &[Value], total: usize, paging: &Paging, url: &str) -> Value {
    let seen = paging.skip.saturating_add(items.len());
    let mut page = json!({ "@odata.count": total, "value": items });
    if seen < total {
        page["@odata.nextLink"] = format!("{url}?$top={}&$skip={seen}", paging.top).into();
    }
    page
}

/// The name in `displayName eq '...'`, in which two quotes stand for one.
pub(super) fn wanted_name(filter: &str) -> Result<String, Refusal> {
    let quoted = filter.trim().strip_prefix("displayName eq ").map(str::trim);
    let inner = quoted.and_then(|quoted| quoted.strip_prefix('\'')?.strip_suffix('\''));
    inner
        .filter(|inner| !inner.replace("''", "").contains('\''))
        .map(|inner| inner.replace("''", "'"))
        .ok_or_else(|| HERE.bad_request("$filter must read displayName eq '...'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_unquotes_its_name_or_is_refused() {
        assert_eq!(wanted_name("displayName eq 'Edge'").unwrap(), "Edge");
        assert_eq!(wanted_name("displayName eq 'It''s'").unwrap(), "It's");
        for filter in
            ["displayName eq Edge", "displayName eq 'a' or 'b'", "publisher eq 'x'", "displayName eq '"]
        {
            assert!(wanted_name(filter).is_err(), "{filter}");
        }
    }
}
