//! Runs the simulated upstreams until interrupted: `fleet-sim [--listen ADDR]`.

use std::io::{self, Write};
use std::process::ExitCode;

use fleet_sim::{FleetSim, Upstream};

const USAGE: &str = "usage: fleet-sim [--listen ADDR]    (default 127.0.0.1:9090, port 0 picks a free one)";
const DEFAULT_LISTEN: &str = "127.0.0.1:9090";

#[tokio::main]
async fn main() -> ExitCode {
    // What is no text is no address either, and is told as it can be shown.
    let args = std::env::args_os().skip(1).map(|arg| arg.to_string_lossy().into_owned());
    let Some(listen) = listen_address(args) else {
        let _ = writeln!(io::stderr(), "{USAGE}");
        return ExitCode::from(2);
    };
    match run(&listen).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            let _ = writeln!(io::stderr(), "cannot serve on {listen}: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Nothing when the arguments make no sense.
fn listen_address(mut args: impl Iterator<Item = String>) -> Option<String> {
    match (args.next().as_deref(), args.next(), args.next()) {
        (None, ..) => Some(DEFAULT_LISTEN.to_owned()),
        (Some("--listen"), Some(addr), None) => Some(addr),
        _ => None,
    }
}

async fn run(listen: &str) -> io::Result<()> {
    let sim = FleetSim::start(listen).await?;
    let addr = sim.addr();
    let mut out = io::stdout();
    writeln!(out, "simulated upstreams on http://{addr}")?;
    for upstream in Upstream::ALL {
        writeln!(out, "break it: curl -X PUT http://{addr}/faults/{upstream} -d '{{\"outage\":true}}'")?;
    }
    out.flush()?;
    asked_to_stop().await?;
    sim.shutdown().await;
    Ok(())
}

#[cfg(unix)]
async fn asked_to_stop() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminated.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn asked_to_stop() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}
