use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// Ends the process with the test, whatever its outcome.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // Failing means that it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn binary() -> Command {
    Command::new(env!("CARGO_BIN_EXE_fleet-sim"))
}

#[tokio::test]
async fn the_first_line_says_where_the_upstreams_are() {
    let child = binary().args(["--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut process = Process(child);
    let mut first = String::new();
    BufReader::new(process.0.stdout.as_mut().unwrap()).read_line(&mut first).unwrap();
    let url = first.trim_end().strip_prefix("simulated upstreams on ").unwrap();
    let fault = reqwest::get(format!("{url}/faults/intune")).await.unwrap();
    assert_eq!(fault.text().await.unwrap(), "{}");
}

#[test]
fn arguments_that_make_no_sense_show_the_usage() {
    for args in [&["--listen"][..], &["--port", "1"], &["--listen", "127.0.0.1:0", "more"]] {
        let output = binary().args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(String::from_utf8(output.stderr).unwrap().starts_with("usage: fleet-sim"));
    }
}

#[test]
fn an_address_that_cannot_be_had_is_reported() {
    let output = binary().args(["--listen", "nowhere"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().starts_with("cannot serve on nowhere: "));
}

#[cfg(unix)]
#[test]
fn an_address_that_is_no_text_is_reported_too() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let output = binary().arg("--listen").arg(OsStr::from_bytes(b"nowhere\xff")).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().starts_with("cannot serve on nowhere\u{fffd}: "));
}
