//! Hundreds of inputs with the exact outputs, in files that can be read and added to.

use std::borrow::Cow;

use buttress_redact::Redactor;

type Pass = fn(&Redactor, &str) -> String;

fn text(redactor: &Redactor, input: &str) -> String {
    redactor.text(input).into_owned()
}

fn json(redactor: &Redactor, input: &str) -> String {
    redactor.json(input).into_owned()
}

fn url(redactor: &Redactor, input: &str) -> String {
    redactor.url(input).into_owned()
}

const POSITIVES: [(&str, &str, Pass); 3] = [
    ("text", include_str!("../corpus/text.positive"), text),
    ("json", include_str!("../corpus/json.positive"), json),
    ("url", include_str!("../corpus/url.positive"), url),
];

const NEGATIVES: [(&str, &str, Pass); 3] = [
    ("text", include_str!("../corpus/text.negative"), text),
    ("json", include_str!("../corpus/json.negative"), json),
    ("url", include_str!("../corpus/url.negative"), url),
];

/// The lines of a file that are no comment, with their placeholders filled.
fn lines(file: &'static str) -> impl Iterator<Item = String> {
    file.lines().filter(|line| !line.is_empty() && !line.starts_with("# ")).map(filled)
}

fn filled(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some((before, opened)) = rest.split_once('{') {
        out.push_str(before);
        let made_up = opened.split_once('}').and_then(|(inside, after)| Some((made_up(inside)?, after)));
        let (part, after) = made_up.unwrap_or((Cow::Borrowed("{"), opened));
        out.push_str(&part);
        rest = after;
    }
    out + rest
}

fn made_up(placeholder: &str) -> Option<Cow<'static, str>> {
    if placeholder == "nl" {
        return Some("\n".into());
    }
    let (kind, len) = placeholder.split_once(':')?;
    let signs = match kind {
        "fake" => "FAKEfake1NotReal2",
        "FAKE" => "FAKENOTREAL234567",
        "hex" => "0123456789abcdef",
        "num" => "1029384756",
        _ => return None,
    };
    Some(signs.chars().cycle().take(len.parse().ok()?).collect())
}

fn pairs(file: &'static str) -> Vec<(String, String)> {
    let lines: Vec<String> = lines(file).collect();
    let part = |line: &str, sign: &str| line.strip_prefix(sign).expect("pairs of < and >").to_owned();
    lines.chunks(2).map(|pair| (part(&pair[0], "< "), part(&pair[1], "> "))).collect()
}

fn compare(what: &str, cases: impl IntoIterator<Item = (String, String)>, pass: Pass) -> usize {
    let redactor = Redactor::default();
    let (mut count, mut wrong) = (0, Vec::new());
    for (input, expected) in cases {
        let got = pass(&redactor, &input);
        if got != expected {
            wrong.push(format!("input    {input}\nexpected {expected}\ngot      {got}\n"));
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "{} of {count} in {what}:\n{}", wrong.len(), wrong.join("\n"));
    count
}

#[test]
fn every_secret_of_the_corpus_is_masked_exactly() {
    let count: usize = POSITIVES.map(|(what, file, pass)| compare(what, pairs(file), pass)).iter().sum();
    assert!(count >= 300, "{count}");
}

#[test]
fn nothing_else_of_the_corpus_is_touched() {
    let count: usize = NEGATIVES
        .map(|(what, file, pass)| compare(what, lines(file).map(|line| (line.clone(), line)), pass))
        .iter()
        .sum();
    assert!(count >= 300, "{count}");
}

#[test]
fn what_is_redacted_stays_as_it_is_when_redacted_again() {
    for (what, file, pass) in POSITIVES {
        compare(what, pairs(file).into_iter().map(|(_, expected)| (expected.clone(), expected)), pass);
    }
}

#[test]
fn json_of_the_corpus_stays_json() {
    let redactor = Redactor::default();
    for (input, _) in pairs(POSITIVES[1].1) {
        if serde_json::from_str::<serde_json::Value>(&input).is_ok() {
            let out = redactor.json(&input);
            serde_json::from_str::<serde_json::Value>(&out).unwrap_or_else(|error| panic!("{out}: {error}"));
        }
    }
}
