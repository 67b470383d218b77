//! What a stranger writes into a request stays inside of one line.

use std::collections::BTreeSet;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Place, is_end};
use crate::process::Process;
use crate::world::within;

/// Sends bytes as they are, and returns the status of the answer.
async fn send(address: &str, request: &[u8]) -> u16 {
    within(async {
        let mut stream = TcpStream::connect(address).await.expect("it listens");
        stream.write_all(request).await.expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("it answers");
        answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
    })
    .await
}

/// A request with a path, a user agent, and an ID by which it is found again.
fn request(id: &str, path: &[u8], agent: &[u8]) -> Vec<u8> {
    let head = [b"GET ", path, b" HTTP/1.1\r\nhost: x\r\nconnection: close\r\nuser-agent: ", agent].concat();
    [&head, "\r\nx-correlation-id: ".as_bytes(), id.as_bytes(), b"\r\n\r\n"].concat()
}

const FORGED: &str = r#"{"event":{"v":1,"action":"FORGED","outcome":"success"}}"#;

/// What may stand in a path and in a user agent, raw or as an escape.
fn attacks() -> Vec<(Vec<u8>, Vec<u8>)> {
    let paths = [
        "/api/v1/packages/%0d%0a%7b%22event%22%3a%7b%22action%22%3a%22FORGED%22%7d%7d%0d%0a",
        "/api/v1/packages/%0a{\"action\":\"FORGED\"}",
        "/api/v1/packages/x%1b[2J%1b[31mred",
        "/api/v1/packages/%e2%80%a8%e2%80%a9%c2%85%00",
        "/api/v1/packages/%E2%80%AEdesrever?x=%0d%0aFORGED&actor=%0a",
        "/api/v1/audit?actor=%0d%0a%7b%22FORGED%22%7d&outcome=%22%7d%0a",
        "/api/v1/deployments/\"}\\\"/promote",
        "//%5c%22%7d%7d%0a",
    ];
    let agents = [
        FORGED.as_bytes().to_vec(),
        b"\"}}\\\" \\n\\r\\u000a".to_vec(),
        "a\u{2028}b\u{2029}c\u{85}d\u{202e}e".as_bytes().to_vec(),
        b"latin \xe9 \xff and half a letter \xe2\x80".to_vec(),
        b"tab\there".to_vec(),
        "\u{feff}\u{200b}zero".as_bytes().to_vec(),
    ];
    let plain = b"plain".to_vec();
    let by_path = paths.iter().map(|path| (path.as_bytes().to_vec(), plain.clone()));
    let by_agent = agents.into_iter().map(|agent| (b"/api/v1/packages".to_vec(), agent));
    by_path.chain(by_agent).collect()
}

#[tokio::test]
async fn whatever_stands_in_paths_and_fields_one_event_is_one_line_in_both_logs() {
    let place = Place::new();
    let process = Process::start_in(place.path(), &[]).await;
    let address = process.url().strip_prefix("http://").unwrap().to_owned();
    let mut taken = BTreeSet::new();
    for (number, (path, agent)) in attacks().into_iter().enumerate() {
        let id = format!("attack-{number}");
        let status = send(&address, &request(&id, &path, &agent)).await;
        assert!([200, 400, 403, 404, 405].contains(&status), "{number}: {status}");
        // What is no HTTP is turned away before anybody can tell what it asks for.
        if status != 400 {
            taken.insert(id);
        }
    }
    assert!(taken.len() > 10, "{taken:?}");
    // Characters that no field may have, and IDs that nobody may choose.
    for field in ["user-agent: a\x1b[31m", "x-correlation-id: a\x07b", "x-y: a\rb", "x-y: a\0b"] {
        let raw = format!("GET /api/v1/packages HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{field}\r\n\r\n");
        assert_eq!(send(&address, raw.as_bytes()).await, 400, "{field:?}");
    }
    let chosen = "forged\u{2028}id\"}";
    assert_eq!(send(&address, &request(chosen, b"/api/v1/packages", b"plain")).await, 200);

    let log = process.stop().await;
    let records = place.records();
    for id in &taken {
        assert_eq!(records.iter().filter(|record| record.event["correlation_id"] == **id).count(), {
            let is_read = place.end_of(id)["action"] == "AUDIT_READ";
            if is_read { 2 } else { 1 }
        });
        let told = log.lines_of(id);
        assert_eq!(told.iter().filter(|line| line["event"] == "http_request").count(), 1, "{id}: {told:?}");
    }
    let ends = records.iter().filter(|record| is_end(&record.event)).count();
    assert_eq!(ends, taken.len() + 1, "and nothing else: {records:#?}");
    assert!(records.iter().all(|record| record.event["action"] != "FORGED"));
    let written = records.iter().map(|record| record.event.to_string()).collect::<String>();
    assert!(!written.contains(chosen));
    for text in [
        std::fs::read_to_string(place.log().join("segment-00000000000000000001.jsonl")).unwrap(),
        log.text().to_owned(),
    ] {
        let is_bare = |c: char| {
            c.is_control() && c != '\n' || matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{202e}')
        };
        assert_eq!(text.lines().find(|line| line.contains(is_bare)), None);
    }
}
