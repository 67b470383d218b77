use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder for one server, gone when it is dropped.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// An empty folder; the name of the program goes into its own.
    pub(crate) fn new(program: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("buttress-{program}-{}-{number}", process::id()));
        let folder = Self(path);
        // What a process with the same number left behind long ago.
        folder.clear();
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Forgets the data of the server.
    pub(crate) fn clear(&self) {
        let _ = fs::remove_dir_all(&self.0);
        fs::create_dir(&self.0)
            .unwrap_or_else(|error| panic!("{} cannot be made: {error}", self.0.display()));
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.0.join("log")
    }

    /// What the server had to say.
    pub(crate) fn read_log(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }

    /// Forgets what was said so far, so that it is not taken for what is said next.
    pub(crate) fn clear_log(&self) {
        let _ = fs::remove_file(self.log());
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
