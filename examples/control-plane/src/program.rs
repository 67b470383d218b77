//! The program from its arguments to its exit code.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use buttress::telemetry::Logs;

use crate::args::{Args, Command, HELP};
use crate::banner::Banner;
use crate::control_plane::ControlPlane;

/// Runs the control plane as the arguments and the environment say, until it is asked to stop.
///
/// The exit code is 0 after a stop that was asked for, 1 if it cannot start, and 2 if the arguments or the environment
/// make no sense.
pub async fn program() -> ExitCode {
    let command = match Command::read(std::env::args_os().skip(1), |name| std::env::var_os(name)) {
        Ok(command) => command,
        Err(invalid) => return complain(2, invalid.problems()),
    };
    let Command::Run(args) = command else {
        return print(HELP).map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS);
    };
    let logs =
        Logs::builder().service_name(env!("CARGO_PKG_NAME")).service_version(env!("CARGO_PKG_VERSION")).env();
    // Kept to the end, so that the last lines are written.
    let _logs = match logs.init() {
        Ok(logs) => logs,
        Err(error) => return complain(2, &[error.to_string()]),
    };
    match run(*args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(1, &[error.to_string()]),
    }
}

async fn run(args: Args) -> Result<(), Box<dyn Error>> {
    // Asked for before anybody can know our address, so that no signal finds us unprepared.
    let stop = asked_to_stop()?;
    let Args { listen, upstreams, resilience, rate_limits, data, audit, audit_to, admin_key, records } = args;
    let open_for = resilience.open_for;
    let control_plane = ControlPlane::builder()
        .listen(listen)
        .upstreams(upstreams)
        .resilience(resilience)
        .rate_limits(rate_limits)
        .data(data)
        .audit(audit)
        .audit_to(audit_to)
        .admin_key(admin_key)
        .records(records);
    let running = control_plane.start().await?;
    let simulation = running.simulation().map(fleet_sim::Running::addr);
    let banner = Banner { listening: running.addr(), simulation, open_for };
    if let Err(error) = print(&banner.to_string()) {
        running.shutdown().await;
        return Err(format!("cannot write to standard output: {error}").into());
    }

    stop.await;
    tracing::info!("asked to stop; requests that are being answered may finish");
    let unfinished = running.shutdown().await;
    let (connections_ended, runs_ended) = (unfinished.connections, unfinished.runs);
    tracing::info!(connections_ended, runs_ended, "stopped");
    Ok(())
}

/// Completes when the process is interrupted or terminated.
#[cfg(unix)]
fn asked_to_stop() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
        }
    })
}

/// Completes when the process is interrupted.
#[cfg(windows)]
fn asked_to_stop() -> io::Result<impl Future<Output = ()>> {
    let mut interrupted = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupted.recv().await;
    })
}

fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

fn complain(code: u8, problems: &[String]) -> ExitCode {
    for problem in problems {
        // There is nowhere else to say that standard error is closed.
        let _ = writeln!(io::stderr(), "control-plane: {problem}");
    }
    ExitCode::from(code)
}
