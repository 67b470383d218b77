//! Which class of OCSF a record belongs to, and what the class demands.

use serde_json::{Map, Value, json};

use super::{OTHER, actor, put, resource_as_object, text};
use crate::event::Category;

/// The class that a record belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Class {
    pub(super) uid: u64,
    activities: &'static [(&'static [&'static str], u64)],
}

const AUTHENTICATION: Class = Class {
    uid: 3002,
    activities: &[
        (&["LOGIN", "LOGIN_SUCCESS", "LOGIN_FAILED", "LOGIN_FAILURE"], 1),
        (&["LOGOUT"], 2),
        (&["TOKEN_ISSUED"], 3),
    ],
};
const ACCOUNT_CHANGE: Class = Class {
    uid: 3001,
    activities: &[
        (&["USER_CREATED"], 1),
        (&["PASSWORD_CHANGE"], 3),
        (&["PASSWORD_RESET"], 4),
        (&["USER_DELETED"], 6),
        (&["PERMISSION_GRANTED"], 7),
        (&["PERMISSION_REVOKED"], 8),
    ],
};
const AUTHORIZE_SESSION: Class = Class { uid: 3003, activities: &[] };
const ENTITY_MANAGEMENT: Class = Class {
    uid: 3004,
    activities: &[
        (&["API_KEY_CREATED", "ADAPTER_REGISTERED"], 1),
        (&["CONFIG_UPDATED", "CONFIG_RELOADED", "SETTINGS_CHANGED", "USER_UPDATED"], 3),
        (&["API_KEY_REVOKED", "TOKEN_REVOKED"], 4),
    ],
};
const DETECTION_FINDING: Class = Class { uid: 2004, activities: &[(&[], 1)] };
const APPLICATION_LIFECYCLE: Class = Class {
    uid: 6002,
    activities: &[
        (&["DEPLOYMENT"], 1),
        (&["ROLLBACK"], 2),
        (&["SERVICE_STARTED"], 3),
        (&["SERVICE_STOPPED"], 4),
    ],
};
const API_ACTIVITY: Class = Class {
    uid: 6003,
    activities: &[
        (&["CREATE", "IMPORT"], 1),
        (&["READ", "EXPORT", "DATA_READ", "DATA_EXPORT"], 2),
        (&["UPDATE", "DATA_WRITE"], 3),
        (&["DELETE", "DATA_DELETE"], 4),
    ],
};
const BASE: Class = Class { uid: 0, activities: &[] };

impl Class {
    /// By the action where it is one that has a class of its own, and by the family otherwise.
    pub(super) fn of(event: &Value) -> Self {
        let action = text(event, "action");
        let own = [ACCOUNT_CHANGE, ENTITY_MANAGEMENT].into_iter().find(|class| class.names(action));
        let category =
            Category::ALL.into_iter().find(|category| category.as_str() == text(event, "category"));
        own.or_else(|| category.map(Self::of_category)).unwrap_or(BASE)
    }

    const fn of_category(category: Category) -> Self {
        match category {
            Category::Auth => AUTHENTICATION,
            Category::Access => AUTHORIZE_SESSION,
            Category::Config | Category::Admin => ENTITY_MANAGEMENT,
            Category::Security => DETECTION_FINDING,
            Category::System | Category::Deployment => APPLICATION_LIFECYCLE,
            Category::Data | Category::Financial | Category::Ingestion | Category::Connector => API_ACTIVITY,
        }
    }

    /// Adds what OCSF demands of an event of this class.
    pub(super) fn complete(self, event: &Value, out: &mut Map<String, Value>) {
        let resource = &event["resource"];
        let action = event.get("action");
        match self.uid {
            3001..=3003 => put(out, "user", target(event).as_ref()),
            3004 => {
                let entity = resource_as_object(resource);
                out.insert("entity".into(), entity.unwrap_or_else(|| json!({ "name": action })));
            }
            2004 => {
                out.insert("finding_info".into(), json!({ "uid": event.get("id"), "title": action }));
            }
            6002 => {
                let name = event["service"].get("name").or_else(|| resource.get("id")).or(action);
                out.insert("app".into(), json!({ "name": name }));
            }
            6003 => {
                let operation = event["request"].get("route").or(action);
                out.insert("api".into(), json!({ "operation": operation }));
            }
            _ => {}
        }
    }

    fn names(self, action: &str) -> bool {
        self.activities.iter().any(|(actions, _)| actions.contains(&action))
    }

    pub(super) fn activity(self, action: &str) -> u64 {
        let known =
            self.activities.iter().find(|(actions, _)| actions.is_empty() || actions.contains(&action));
        known.map_or(OTHER, |(_, activity)| *activity)
    }
}

/// Whose account it is about: the resource if it is somebody, or else who acted.
fn target(event: &Value) -> Option<Value> {
    let resource = &event["resource"];
    if text(resource, "type") == "user" {
        return resource_as_object(resource);
    }
    actor(&event["actor"]).map(|actor| actor["user"].clone())
}
