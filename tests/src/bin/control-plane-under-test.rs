//! The control plane's program once more: Cargo tells a test where the programs of its own package are, and no others.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    control_plane::program().await
}
