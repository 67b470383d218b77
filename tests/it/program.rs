//! The program: what it prints first, which arguments it takes, how it ends.

use std::time::Duration;

use control_plane::{ControlPlane, Unfinished};
use fleet_sim::{Fault, Upstream};
use serde_json::json;
use tokio::net::TcpStream;

use crate::process::{Process, command, folder, run};
use crate::world::{until, within};

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("text")
}

#[tokio::test]
async fn the_first_lines_say_where_it_listens() {
    let process = Process::start(&[]).await;
    let [listening, simulated] = &process.first_lines[..] else { panic!("{:?}", process.first_lines) };
    assert!(listening.starts_with("listening on http://127.0.0.1:"), "{listening}");
    assert!(simulated.starts_with("simulated upstreams on http://127.0.0.1:"), "{simulated}");
    assert_eq!(process.get_as("any", "/health/live").await.json(), json!({ "status": "live" }));
    process.stop().await;
}

#[tokio::test]
async fn a_line_in_the_log_says_where_it_listens_and_where_it_keeps_what() {
    let data = folder();
    let process = Process::start_in(data.path(), &["--idempotency", "memory"]).await;
    let address = process.url().strip_prefix("http://").unwrap().to_owned();
    let log = process.stop().await;
    let told = log.lines().find(|line| line["message"] == "listening").expect("a line");
    let data = data.path().display();
    for (field, value) in [
        ("level", "info".to_owned()),
        ("listen", address),
        ("audit", format!("{data}/audit")),
        ("audit_copy", "none".to_owned()),
        ("idempotency", "memory".to_owned()),
        ("limits", "memory".to_owned()),
        ("state", data.to_string()),
    ] {
        assert_eq!(told[field], value, "{told}");
    }
}

#[tokio::test]
async fn upstreams_elsewhere_are_not_simulated_again() {
    let sim = fleet_sim::FleetSim::start("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", sim.addr());
    let process = Process::start(&["--upstreams", &url]).await;
    assert_eq!(process.first_lines.len(), 1, "{:?}", process.first_lines);
    assert_eq!(process.get_as("any", "/api/v1/devices/jamf").await.status, 200);
    process.stop().await;
    sim.shutdown().await;
}

#[tokio::test]
async fn bad_arguments_are_named_with_what_is_allowed_and_end_in_2() {
    let (format, level) = (("BUTTRESS_LOG_FORMAT", "xml"), ("RUST_LOG", "inof"));
    for (args, env, message) in [
        (
            &["--listen", "nowhere"][..],
            &[][..],
            "control-plane: --listen is \"nowhere\", allowed: an IP address and a port, such as 127.0.0.1:8080\n",
        ),
        (&[], &[format], "control-plane: logs: BUTTRESS_LOG_FORMAT is \"xml\", allowed: json, text, auto\n"),
        (
            &[],
            &[level],
            "control-plane: logs: RUST_LOG is \"inof\", allowed: directives such as info or my_app=debug, separated \
             by commas, with the levels off, error, warn, info, debug and trace; \"inof\" is none\n",
        ),
        (
            &["--breaker-failures", "0", "--bogus"],
            &[],
            "control-plane: \"--bogus\" is no argument; --help lists those that there are\n\
             control-plane: --breaker-failures is \"0\", allowed: 1 to 1000000\n",
        ),
    ] {
        let output = run(args, env).await;
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(2), message), "{args:?}");
        assert_eq!(text(&output.stdout), "");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_no_text_is_named_and_neither_panics_nor_counts_as_not_given() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let bytes = OsStr::from_bytes(b"sixteen bytes or more\xff");
    let shown = r#""sixteen bytes or more\xFF""#;
    for (mut command, message) in [
        (command([bytes]), format!("control-plane: the argument {shown} is not UTF-8\n")),
        (command(["--data".as_ref(), bytes]), format!("control-plane: the argument {shown} is not UTF-8\n")),
        (
            command(["--listen", "x"]),
            "control-plane: --listen is \"x\", allowed: an IP address and a port, such as 127.0.0.1:8080\n\
             control-plane: BUTTRESS_HASH_SECRET is not UTF-8\n"
                .to_owned(),
        ),
    ] {
        let output = within(command.env("BUTTRESS_HASH_SECRET", bytes).output()).await.unwrap();
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(2), &*message));
    }
}

#[tokio::test]
async fn a_taken_address_is_an_error_that_names_it() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let data = folder();
    let output = run(&["--listen", &addr, "--data", data.path().to_str().unwrap()], &[]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains(&format!("cannot listen on {addr}")), "{output:?}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn whoever_cannot_be_told_where_it_listens_gets_an_error_and_a_clean_stop() {
    let data = folder();
    let path = data.path().to_str().unwrap();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = command(["--listen", "127.0.0.1:0", "--data", path]);
    let started = command.stdout(full).spawn().unwrap();
    let output = within(started.wait_with_output()).await.unwrap();
    let last = text(&output.stderr).lines().last();
    let told = "control-plane: cannot write to standard output: No space left on device (os error 28)";
    assert_eq!((output.status.code(), last), (Some(1), Some(told)));
    let log = std::fs::read_to_string(data.path().join("audit/segment-00000000000000000001.jsonl")).unwrap();
    assert!(log.contains("SERVICE_STOPPED"), "{log}");
}

#[tokio::test]
async fn a_folder_that_is_in_use_is_an_error_that_names_it() {
    let data = folder();
    let first = Process::start_in(data.path(), &[]).await;
    let data = data.path().to_str().unwrap();
    let output = run(&["--listen", "127.0.0.1:0", "--data", data], &[]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains(&format!("cannot use the folder {data}")), "{output:?}");
    first.stop().await;
}

#[tokio::test]
async fn whoever_asks_for_help_gets_it() {
    let output = run(&["--help"], &[]).await;
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).contains("--breaker-open-for TIME"));
}

#[cfg(unix)]
#[tokio::test]
async fn a_request_that_is_being_answered_may_finish_after_sigterm() {
    let process = Process::start(&[]).await;
    process.put_fault("intune", &json!({ "hang": true })).await;
    let stopping = async {
        until(async || !process.requests("intune").await.is_empty()).await;
        process.terminate().await;
        let address = process.url().strip_prefix("http://").unwrap();
        until(async || TcpStream::connect(address).await.is_err()).await;
        process.clear_fault("intune").await;
    };
    let (answer, ()) = tokio::join!(process.get_as("late", "/api/v1/devices/intune"), stopping);
    assert_eq!((answer.status, answer.correlation_id()), (200, "late"));
    let (status, log) = process.ended().await;
    assert_eq!(status.code(), Some(0));
    let stopped = log.lines().last().unwrap();
    assert_eq!((&stopped["message"], &stopped["connections_ended"]), (&json!("stopped"), &json!(0)));
}

#[tokio::test]
async fn what_still_hangs_after_the_grace_is_ended() {
    let grace = Duration::from_millis(50);
    let running = ControlPlane::builder().shutdown_grace(grace).start().await.unwrap();
    let sim = running.simulation().unwrap();
    sim.set_fault(Upstream::Jamf, Fault::hang()).unwrap();
    let asked = tokio::spawn(reqwest::get(format!("http://{}/api/v1/devices/jamf", running.addr())));
    within(sim.wait_for_requests(Upstream::Jamf, 1)).await;
    assert_eq!(within(running.shutdown()).await, Unfinished { connections: 1, runs: 0 });
    assert!(within(asked).await.unwrap().is_err(), "the connection was ended");
}
