use buttress_audit::testing::Written;
use buttress_audit::{Action, Event};

use super::log::feed_all;
use crate::bench::{ask, sql, store};

/// What the database finds wrong by itself.
async fn faults(store: &buttress_postgres::PostgresStore, written: &Written) -> Vec<String> {
    let chain = written.log.chain();
    let found = format!(
        "select coalesce(array_agg(o_seq || ' ' || o_fault), '{{}}') from buttress.audit_verify('{chain}')"
    );
    ask(store, &found).await
}

#[tokio::test]
async fn the_database_verifies_the_chain_by_itself_and_names_what_was_changed() {
    let store = store().await;
    let written = Written::new();
    written.add(9).await;
    feed_all(&store, &written).await;
    assert_eq!(faults(&store, &written).await, [""; 0]);
    for (change, expected) in [
        ("update buttress.audit set raw = replace(raw, '\"n\":3', '\"n\":4') where raw like '%\"n\":3%'", 1),
        ("update buttress.audit set prev = hash where seq = 5", 1),
        // What comes behind it names another one before it.
        ("update buttress.audit set hash = prev where seq = 5", 2),
        ("delete from buttress.audit where seq = 5", 1),
        ("update buttress.audit set seq = seq + 100 where seq > 5", 1),
        ("update buttress.audit set raw = raw || ' ' where seq = 1", 1),
        ("update buttress.audit set prev = hash where seq = 1", 1),
        (
            "alter table buttress.audit alter event drop expression;
                update buttress.audit set event = '{}' where seq = 5",
            1,
        ),
    ] {
        let all = format!("begin; set local session_replication_role = replica; {change}; select 1");
        let client = store.pool().get().await.unwrap();
        client.batch_execute(&all.replace("buttress", store.schema())).await.unwrap();
        let question = format!("select count(*) from buttress.audit_verify('{}')", written.log.chain());
        let row = client.query_one(&question.replace("buttress", store.schema()), &[]).await.unwrap();
        let found: i64 = row.get(0);
        client.batch_execute("rollback").await.unwrap();
        assert!(found >= expected, "{change}: {found}");
    }
    assert_eq!(faults(&store, &written).await, [""; 0]);
}

#[tokio::test]
async fn each_fault_has_the_word_of_the_verifier() {
    let store = store().await;
    let written = Written::new();
    written.add(9).await;
    feed_all(&store, &written).await;
    let change = "alter table buttress.audit disable trigger all;
        update buttress.audit set raw = raw || ' ' where seq = 3;
        update buttress.audit set prev = hash where seq = 5;
        delete from buttress.audit where seq = 7;
        alter table buttress.audit alter event drop expression;
        update buttress.audit set event = '{}' where seq = 9; select 1";
    sql(&store, change).await;
    let expected = ["3 hash_mismatch", "5 prev_mismatch", "8 seq_order", "9 event_mismatch"];
    assert_eq!(faults(&store, &written).await, expected);
}

#[tokio::test]
async fn text_that_jsonb_cannot_hold_is_kept_byte_by_byte_and_found_all_the_same() {
    let store = store().await;
    let written = Written::new();
    for text in ["a\0b\0\0", "a\\u0000b", "\\\0", "\u{10ffff}"] {
        written.record(Event::builder(Action::LOGIN).detail("text", text).build()).await;
    }
    feed_all(&store, &written).await;
    assert_eq!(faults(&store, &written).await, [""; 0]);
    let texts = "select array_agg(event #>> '{details,text}' order by seq) from buttress.audit
        where event ->> 'action' = 'LOGIN'";
    let expected = ["a\u{fffd}b\u{fffd}\u{fffd}", "a\\u0000b", "\\\u{fffd}", "\u{10ffff}"];
    assert_eq!(ask::<Vec<String>>(&store, texts).await, expected);
    let question = |raw: &str| format!("select buttress.audit_event('{raw}')::text");
    assert_eq!(
        ask::<String>(&store, &question(r#"{"a":"\ud800x\\u0000"}"#)).await,
        "{\"a\": \"\u{fffd}x\\\\u0000\"}"
    );
    assert_eq!(ask::<Option<String>>(&store, &question(r#"{"a":1e1000000}"#)).await, None);
}
