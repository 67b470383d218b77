//! Checks that a log is what was written: [`verify()`] reads it all and says what it found.
//!
//! A chain alone shows that nothing between its first and its last record was changed by somebody who did not take the
//! trouble to compute the rest anew. Signed checkpoints show a rewritten past to whoever has the verifying key, and an
//! anchor outside of the directory shows that the end was cut off. So give it both, from where the log's host cannot
//! reach them:
//!
//! ```no_run
//! use buttress_audit::verify::{Evidence, Verdict, verify};
//!
//! let evidence = Evidence::new().keys_from("/safe/key.pub")?.anchor_from("/mnt/elsewhere/audit.anchor")?;
//! let report = verify("/var/lib/service/audit", &evidence, |_| {})?;
//! assert_eq!(report.verdict, Verdict::Intact);
//! # Ok::<(), buttress_audit::verify::VerifyError>(())
//! ```

use std::path::Path;

mod covered;
mod end;
mod error;
mod evidence;
mod finding;
mod notes;
mod report;
mod verdict;
mod walk;

pub use error::VerifyError;
pub use evidence::Evidence;
pub use report::{Keys, Report};
pub use verdict::{Kind, Verdict};

/// How far a verification has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Records that were checked.
    pub records: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// Bytes that there are to read.
    pub of_bytes: u64,
}

/// Reads a log from its first record to its last, and the checkpoints with it.
///
/// It needs no lock and writes nothing, so the log may be in use; then it is checked as far as it had come when this
/// began. It reads each file once, from its beginning to its end, and holds no more than a line of it in memory.
///
/// The checks of each line come in the order of [`Kind`], and the first that fails decides. `progress` is called now
/// and then.
///
/// # Errors
///
/// [`VerifyError`] if there is nothing to judge: the directory cannot be read, or is none of ours.
pub fn verify(
    dir: impl AsRef<Path>,
    evidence: &Evidence,
    progress: impl FnMut(Progress),
) -> Result<Report, VerifyError> {
    walk::Walk::begin(dir.as_ref(), evidence)?.run(progress)
}

#[cfg(test)]
mod tests;
