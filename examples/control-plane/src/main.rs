//! Runs the control plane until it is asked to stop; `control-plane --help` tells how.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    control_plane::program().await
}
