use std::time::Duration;

use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};

/// What JetStream tells apart duplicates by their IDs for. Longer costs memory and is not needed.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);

/// The stream of a log, as it is made.
pub(crate) fn wanted(name: &str, subjects: &str, replicas: usize, max_age: Duration) -> Config {
    Config {
        name: name.to_owned(),
        description: Some("records of an audit log".to_owned()),
        subjects: vec![subjects.to_owned()],
        retention: RetentionPolicy::Limits,
        storage: StorageType::File,
        // Rather take no more than lose what was taken, should somebody set a limit.
        discard: DiscardPolicy::New,
        num_replicas: replicas,
        max_age,
        // A window longer than that is an error of the server.
        duplicate_window: if max_age.is_zero() { DUPLICATE_WINDOW } else { DUPLICATE_WINDOW.min(max_age) },
        deny_delete: true,
        deny_purge: true,
        ..Config::default()
    }
}

/// What is wrong with a stream that is there; nothing, if no record can be lost in it or come from elsewhere.
pub(crate) fn faults(found: &Config, wanted: &Config) -> Vec<String> {
    let is_limited = found.max_messages > 0 || found.max_bytes > 0;
    [
        (
            found.subjects != wanted.subjects,
            format!("subjects are {:?}, must be {:?}", found.subjects, wanted.subjects),
        ),
        (found.retention != wanted.retention, format!("retention is {:?}, must be Limits", found.retention)),
        (found.storage != wanted.storage, format!("storage is {:?}, must be File", found.storage)),
        (
            found.num_replicas < wanted.num_replicas,
            format!("num_replicas is {}, must be {} or more", found.num_replicas, wanted.num_replicas),
        ),
        (
            is_limited && found.discard != DiscardPolicy::New,
            format!("discard is {:?}, must be New where max_msgs or max_bytes is set", found.discard),
        ),
        (
            found.max_messages_per_subject > 0,
            format!("max_msgs_per_subject is {}, must be unlimited", found.max_messages_per_subject),
        ),
        (found.no_ack, "no_ack is true, must be false".to_owned()),
        (found.sealed, "sealed is true, must be false".to_owned()),
        (found.allow_rollup, "allow_rollup_hdrs is true, must be false".to_owned()),
        (found.mirror.is_some(), "mirror is set, must not be".to_owned()),
        (
            found.sources.as_ref().is_some_and(|sources| !sources.is_empty()),
            "sources are set, must not be".to_owned(),
        ),
    ]
    .into_iter()
    .filter_map(|(is_wrong, text)| is_wrong.then_some(text))
    .collect()
}

#[cfg(test)]
mod tests {
    use async_nats::jetstream::stream::Source;

    use super::*;

    fn stream() -> Config {
        wanted("audit-1", "audit.1.>", 1, Duration::ZERO)
    }

    #[test]
    fn the_stream_that_is_made_is_one_that_is_accepted() {
        assert_eq!(faults(&stream(), &stream()), [""; 0]);
        let longer = Config { max_age: Duration::from_secs(60), num_replicas: 3, ..stream() };
        assert_eq!(faults(&longer, &stream()), [""; 0]);
        let limited = Config { max_bytes: 1 << 30, ..stream() };
        assert_eq!(faults(&limited, &stream()), [""; 0]);
    }

    #[test]
    fn what_could_lose_records_or_bring_others_is_named() {
        let cases: [(Config, &str); 11] = [
            (Config { subjects: vec!["audit.>".to_owned()], ..stream() }, "subjects"),
            (Config { retention: RetentionPolicy::WorkQueue, ..stream() }, "retention"),
            (Config { storage: StorageType::Memory, ..stream() }, "storage"),
            (Config { num_replicas: 0, ..stream() }, "num_replicas"),
            (Config { max_messages: 10, discard: DiscardPolicy::Old, ..stream() }, "discard"),
            (Config { max_messages_per_subject: 1, ..stream() }, "max_msgs_per_subject"),
            (Config { no_ack: true, ..stream() }, "no_ack"),
            (Config { sealed: true, ..stream() }, "sealed"),
            (Config { allow_rollup: true, ..stream() }, "allow_rollup_hdrs"),
            (Config { mirror: Some(Source::default()), ..stream() }, "mirror"),
            (Config { sources: Some(vec![Source::default()]), ..stream() }, "sources"),
        ];
        for (found, setting) in cases {
            let said = faults(&found, &stream());
            assert_eq!(said.len(), 1, "{setting}: {said:?}");
            assert!(said[0].starts_with(setting), "{said:?}");
        }
        let bad = Config { storage: StorageType::Memory, no_ack: true, ..stream() };
        assert_eq!(faults(&bad, &stream()).len(), 2, "all of them at once");
    }
}
