//! Where things are kept.

use std::path::{Path, PathBuf};

use super::{Given, url_variable};
use crate::connectors::Secret;
use crate::domain::{Word, words};
use crate::settings::RecordsIn;

/// In the working directory, where whoever started the program finds it and may write.
pub(super) const DEFAULT_DATA: &str = "control-plane-data";

/// Longer than what can be guessed, if it is drawn at random.
const MIN_ADMIN_KEY: usize = 16;

words! {
    /// A store of idempotency records, as it is named on a command line.
    StoreName {
        Folder = "folder",
        Memory = "memory",
        Redis = "redis",
        Postgres = "postgres",
    }
}

impl Given {
    pub(super) fn data(&mut self) -> PathBuf {
        let folder = self.data.take().unwrap_or_else(|| DEFAULT_DATA.to_owned());
        let is_named = |text: &str| (!text.is_empty()).then(|| text.into());
        self.check("--data", &folder, "a folder, which is made if there is none", is_named)
            .unwrap_or_default()
    }

    pub(super) fn audit(&mut self, data: &Path) -> PathBuf {
        let Some(folder) = self.audit.take() else { return data.join("audit") };
        let is_named = |text: &str| Path::new(text).file_name().map(|_| text.into());
        self.check("--audit", &folder, "a folder with a name, which is made if there is none", is_named)
            .unwrap_or_default()
    }

    pub(super) fn postgres(&mut self, env: &impl Fn(&str) -> Option<String>) -> Option<Secret> {
        let postgres = self.postgres.take();
        self.url_of("postgres", postgres, env)
    }

    pub(super) fn audit_to(&mut self, postgres: Option<&Secret>) -> Option<Secret> {
        let place = self.audit_to.take()?;
        self.check("--audit-to", &place, "postgres", |place| (place == "postgres").then_some(()))?;
        self.server("--audit-to", postgres, "postgres")
    }

    pub(super) fn admin_key(&mut self, env: &impl Fn(&str) -> Option<String>) -> Option<Secret> {
        let key = env("BUTTRESS_ADMIN_KEY")?;
        let fits = key.len() >= MIN_ADMIN_KEY && key.bytes().all(|byte| byte.is_ascii_graphic());
        if !fits {
            // The key itself is shown to nobody.
            let shown = format!("BUTTRESS_ADMIN_KEY has {} bytes", key.len());
            self.problems.push(format!("{shown}, allowed: 16 or more, all of them visible ASCII characters"));
        }
        fits.then(|| Secret::new(key))
    }

    pub(super) fn records(
        &mut self,
        data: &Path,
        redis: Option<&Secret>,
        postgres: Option<&Secret>,
    ) -> Option<RecordsIn> {
        let name = match self.idempotency.take() {
            Some(name) => self.check("--idempotency", &name, &StoreName::allowed(), StoreName::from_word)?,
            // Nobody names one for anything else, whereas a Redis may be there for the limits alone and evict records.
            None if postgres.is_some() => StoreName::Postgres,
            None => StoreName::Folder,
        };
        match name {
            StoreName::Memory => Some(RecordsIn::Memory),
            StoreName::Folder => Some(RecordsIn::Folder(data.join("records"))),
            StoreName::Redis => self.server("--idempotency", redis, "redis").map(RecordsIn::Redis),
            StoreName::Postgres => {
                self.server("--idempotency", postgres, "postgres").map(RecordsIn::Postgres)
            }
        }
    }

    fn server(&mut self, option: &str, url: Option<&Secret>, name: &str) -> Option<Secret> {
        if url.is_none() {
            let variable = url_variable(name);
            self.problems.push(format!("{option} {name} needs --{name}, or {variable} in the environment"));
        }
        url.cloned()
    }
}
