//! The command-line tool, as a process.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Output, Stdio};

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_buttress-redact"));
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(args: &[&str], input: &[u8]) -> Output {
    let mut child = command(args).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

fn redacted(args: &[&str], input: &[u8]) -> Vec<u8> {
    let output = run(args, input);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stderr, b"");
    output.stdout
}

#[test]
fn lines_are_redacted_as_what_they_are_said_to_be() {
    for (args, input, expected) in [
        (&[][..], "password=hunter2\n", "password=***REDACTED***\n"),
        (&["--mode", "text"], "a\n\npassword=hunter2", "a\n\npassword=***REDACTED***"),
        (&["--mode=json"], "{\"pin\":1234}\nnot json\n", "{\"pin\":\"***REDACTED***\"}\nnot json\n"),
        (&["--mode", "url"], "/a?%74oken=abc\r\n/b\r\n", "/a?%74oken=***REDACTED***\r\n/b\r\n"),
        (&[], "", ""),
        (&[], "\n\r\n", "\n\r\n"),
    ] {
        let out = redacted(args, input.as_bytes());
        assert_eq!(String::from_utf8(out).unwrap(), expected, "{args:?}");
    }
}

#[test]
fn bytes_that_are_no_text_pass_as_they_are() {
    let input = b"\xff\xfe\x00 password=\xffhunter2\x80 ok\n\x80\n";
    assert_eq!(redacted(&[], input), b"\xff\xfe\x00 password=***REDACTED*** ok\n\x80\n");
}

#[test]
fn a_line_is_written_before_the_next_is_read() {
    let mut child = command(&[]).spawn().unwrap();
    let (mut input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut output = BufReader::new(output);
    for line in ["token=abc\n", "plain\n"] {
        input.write_all(line.as_bytes()).unwrap();
        let mut read = String::new();
        output.read_line(&mut read).unwrap();
        assert_eq!(read, line.replace("abc", "***REDACTED***"));
    }
    drop(input);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_private_key_over_many_lines_is_masked_line_by_line() {
    let input = "a\n-----BEGIN PRIVATE KEY-----\nmadeUp+1\n-----END PRIVATE KEY-----\nb\n";
    let mask = "***REDACTED:private_key***";
    assert_eq!(
        String::from_utf8(redacted(&[], input.as_bytes())).unwrap(),
        format!("a\n{mask}\n{mask}\n{mask}\nb\n")
    );
}

#[test]
fn a_line_that_is_too_long_is_replaced_and_the_next_is_read() {
    let mut input = vec![b'x'; (8 << 20) + 10];
    input.extend_from_slice(b"\ntoken=abc\n");
    let out = redacted(&[], &input);
    assert_eq!(String::from_utf8(out).unwrap(), "***REDACTED:too_long***\ntoken=***REDACTED***\n");
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let mut child = command(&[]).spawn().unwrap();
    drop(child.stdout.take());
    // The tool may be gone before all of it is written.
    let _ = child.stdin.take().unwrap().write_all(&b"line\n".repeat(100_000));
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stderr, b"");
}

#[test]
fn wrong_arguments_are_told_and_help_is_given() {
    for (args, told) in [
        (&["--mode"][..], "buttress-redact: --mode is \"\", allowed: text, json, url; see --help\n"),
        (&["--mode=xml"], "buttress-redact: --mode is \"xml\", allowed: text, json, url; see --help\n"),
        (&["file.log"], "buttress-redact: unknown argument \"file.log\"; see --help\n"),
    ] {
        let output = command(args).stdin(Stdio::null()).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(String::from_utf8(output.stderr).unwrap(), told);
    }
    let help = command(&["--help"]).stdin(Stdio::null()).output().unwrap();
    assert!(help.status.success());
    assert!(help.stdout.starts_with(b"Reads lines from standard input"));
}

#[cfg(unix)]
#[test]
fn an_argument_that_is_no_text_is_told_like_any_other_that_is_wrong() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let output = command(&[]).arg(OsStr::from_bytes(b"file\xff")).stdin(Stdio::null()).output().unwrap();
    let told = "buttress-redact: unknown argument \"file\u{fffd}\"; see --help\n";
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap()), (Some(2), told.into()));
}
