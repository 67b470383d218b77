use proptest::prelude::*;

use super::*;

/// Written by `vectors/chain.py`, which shares nothing with this crate.
const VECTORS: &str = include_str!("../../../vectors/chain.jsonl");
const EVENT: &str = r#"{"action":"LOGIN","actor":{"id":"ada"},"outcome":"success"}"#;

fn chain() -> ChainId {
    "000102030405060708090a0b0c0d0e0f".parse().unwrap()
}

fn sealed(event: &[u8]) -> Vec<u8> {
    let mut line = Vec::new();
    seal(chain(), Head::START, event, &mut line);
    assert_eq!(line.pop(), Some(b'\n'));
    line
}

#[test]
fn lines_and_hashes_are_those_of_an_independent_program() {
    let mut head = Head::START;
    let mut written = Vec::new();
    for text in VECTORS.lines() {
        let line = Line::parse(text.as_bytes()).unwrap();
        let next = seal(chain(), head, line.event, &mut written);
        assert_eq!(line.follows(&head, chain()), Ok(next));
        assert_eq!(line.head(), next);
        assert!(line.is_whole());
        head = next;
    }
    assert_eq!(head.seq, 4);
    assert_eq!(written, VECTORS.as_bytes());
    assert_eq!(head.to_string(), "4:2d53117f61381205068ebaaf0c3503fabf3ceaf85d24cb42e26b13da6af7107d");
}

#[test]
fn an_envelope_is_never_longer_than_stated() {
    let mut line = Vec::new();
    seal(chain(), Head { seq: u64::MAX - 1, hash: [0xff; 32] }, b"{}", &mut line);
    assert!(line.len() - 2 <= MAX_ENVELOPE, "{}", line.len());
}

#[test]
fn only_the_one_form_is_a_record() {
    let good = String::from_utf8(sealed(EVENT.as_bytes())).unwrap();
    assert!(Line::parse(good.as_bytes()).is_ok());
    let swapped = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replacen(from, to, 1)
    };
    let bad = [
        String::new(),
        "{}".to_owned(),
        format!(" {good}"),
        format!("{good} "),
        format!("{good}\r"),
        format!("{good}\n"),
        format!("{good}{good}"),
        format!("\u{feff}{good}"),
        good[..good.len() - 1].to_owned(),
        swapped("{\"event\":", "{ \"event\":"),
        swapped("\"event\":", "\"event\": "),
        swapped("\"event\":", "\"Event\":"),
        swapped("{\"event\":", "{\"v\":1,\"event\":"),
        swapped("{\"event\":", "{\"event\":{},\"event\":"),
        swapped(",\"chain\":", " ,\"chain\":"),
        swapped(",\"chain\":", ",\"more\":1,\"chain\":"),
        swapped(",\"chain\":{", ",\"chain\":{},\"chain\":{"),
        swapped("\"chain\":{", "\"chain\":{\"x\":0,"),
        swapped("\"seq\":1,", "\"seq\":01,"),
        swapped("\"seq\":1,", "\"seq\":0,"),
        swapped("\"seq\":1,", "\"seq\":-1,"),
        swapped("\"seq\":1,", "\"seq\":+1,"),
        swapped("\"seq\":1,", "\"seq\":1.0,"),
        swapped("\"seq\":1,", "\"seq\":1e0,"),
        swapped("\"seq\":1,", "\"seq\":\"1\","),
        swapped("\"seq\":1,", "\"seq\":,"),
        swapped("\"seq\":1,", "\"seq\":18446744073709551616,"),
        swapped("\"seq\":1,", "\"seq\":1,\"seq\":1,"),
        swapped("\"seq\":1,\"prev\"", "\"seq\":1, \"prev\""),
        swapped("0a0b", "0A0B"),
        swapped("0a0b", "0a0b0a"),
        swapped("sha256", "SHA256"),
        swapped("sha256", "blake3"),
        swapped("sha256", "none"),
        swapped("}}", "} }"),
        swapped("\"}}", "\"},\"x\":{}}"),
        swapped(EVENT, ""),
        swapped(EVENT, "null"),
        swapped(EVENT, "[]"),
        swapped(EVENT, "\"{}\""),
        swapped(EVENT, "{}{}"),
        swapped(EVENT, "{},{}"),
        swapped(EVENT, "{\"a\":1,}"),
        swapped(EVENT, "{a:1}"),
        swapped(EVENT, "{\"a\":01}"),
        swapped(EVENT, "{\"a\":NaN}"),
        swapped(EVENT, "{\"a\":\"\u{1}\"}"),
        swapped(EVENT, "{\"a\":\r1}"),
        swapped(EVENT, "{\t}"),
        swapped(EVENT, "{\"a\":[}]}"),
        swapped(EVENT, "{} "),
        swapped(EVENT, " {}"),
    ];
    for line in bad {
        assert_eq!(Line::parse(line.as_bytes()), Err(BadLine), "{line}");
    }
}

#[test]
fn hex_is_lower_case_in_every_place() {
    let line = String::from_utf8(sealed(b"{\"n\":1}")).unwrap();
    let chain = line.rfind("\"id\"").unwrap();
    let letters: Vec<_> = line
        .char_indices()
        .filter(|(at, c)| {
            *at > chain && matches!(c, 'a'..='f') && {
                let around = &line[at - 1..=at + 1];
                around.chars().all(|c| c.is_ascii_hexdigit() || c == '"')
            }
        })
        .collect();
    assert!(letters.len() > 20);
    for (at, c) in letters {
        let mut upper = line.clone();
        upper.replace_range(at..=at, &c.to_ascii_uppercase().to_string());
        assert_eq!(Line::parse(upper.as_bytes()), Err(BadLine), "{upper}");
    }
}

#[test]
fn bytes_that_are_not_text_are_no_event() {
    for event in [&b"{\"a\":\"\xff\"}"[..], b"{\"a\":\"\xc0\x80\"}", b"{\"a\":\"\xed\xa0\x80\"}"] {
        assert_eq!(Line::parse(&sealed(event)), Err(BadLine), "{event:?}");
    }
}

#[test]
fn an_event_has_a_largest_size() {
    let of_size = |size: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(size - 8));
    assert!(Line::parse(&sealed(of_size(MAX_EVENT).as_bytes())).is_ok());
    assert_eq!(Line::parse(&sealed(of_size(MAX_EVENT + 1).as_bytes())), Err(BadLine));
}

#[test]
fn deep_events_are_read_without_recursion() {
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(Line::parse(&sealed(deep.as_bytes())).is_ok());
}

#[test]
fn an_event_that_looks_like_a_chain_is_still_an_event() {
    let inner = String::from_utf8(sealed(b"{}")).unwrap();
    let nested = format!("{{\"copy\":{inner},\"text\":{}}}", serde_json::to_string(&inner).unwrap());
    let line = sealed(nested.as_bytes());
    assert_eq!(Line::parse(&line).unwrap().event, nested.as_bytes());
}

#[test]
fn the_first_fault_in_the_stated_order_counts() {
    let line = sealed(b"{}");
    let line = Line::parse(&line).unwrap();
    let other = ChainId::from_bytes([7; 16]);
    let late = Head { seq: 1, hash: [1; 32] };
    let forked = Head { seq: 0, hash: [1; 32] };
    let edited = Line { event: b"{\"a\":1}", ..line };
    assert_eq!(edited.follows(&late, other), Err(Fault::ChainId));
    assert_eq!(edited.follows(&late, chain()), Err(Fault::SeqOrder));
    assert_eq!(edited.follows(&forked, chain()), Err(Fault::PrevMismatch));
    assert_eq!(edited.follows(&Head::START, chain()), Err(Fault::HashMismatch));
    assert_eq!(line.follows(&Head::START, chain()), Ok(line.head()));
}

proptest! {
    #[test]
    fn any_bytes_are_parsed_or_refused_and_what_is_parsed_can_be_sealed_again(
        bytes in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..400),
            "\\PC{0,200}".prop_map(String::into_bytes),
            ("\\PC{0,20}", 0..300usize, any::<u8>()).prop_map(|(text, at, byte)| {
                let mut line = sealed(format!("{{{}:1}}", serde_json::Value::from(text)).as_bytes());
                let at = at % line.len();
                line[at] = byte;
                line
            }),
        ]
    ) {
        if let Ok(line) = Line::parse(&bytes) {
            let mut again = Vec::new();
            seal(line.chain, Head { seq: line.seq - 1, hash: line.prev }, line.event, &mut again);
            prop_assert_eq!(again.len(), bytes.len() + 1);
            if line.is_whole() {
                prop_assert_eq!(&again[..bytes.len()], &bytes[..]);
            }
        }
    }
}
