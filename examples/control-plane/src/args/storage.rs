//! Where things are kept.

use std::path::{Path, PathBuf};

use super::Given;
use crate::connectors::Secret;
use crate::domain::{Word, words};
use crate::settings::RecordsIn;

/// In the working directory, where whoever started the program finds it and may write.
pub(super) const DEFAULT_DATA: &str = "control-plane-data";

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

    pub(super) fn records(
        &mut self,
        data: &Path,
        redis: Option<&Secret>,
        env: &impl Fn(&str) -> Option<String>,
    ) -> Option<RecordsIn> {
        let postgres = self.postgres.take().or_else(|| env("BUTTRESS_POSTGRES_URL")).map(Secret::new);
        let name = match self.idempotency.take() {
            Some(name) => self.check("--idempotency", &name, &StoreName::allowed(), StoreName::from_word)?,
            // Nobody names one for anything else, whereas a Redis may be there for the limits alone and evict records.
            None if postgres.is_some() => StoreName::Postgres,
            None => StoreName::Folder,
        };
        match name {
            StoreName::Memory => Some(RecordsIn::Memory),
            StoreName::Folder => Some(RecordsIn::Folder(data.join("records"))),
            StoreName::Redis => self.server(redis, "redis").map(RecordsIn::Redis),
            StoreName::Postgres => self.server(postgres.as_ref(), "postgres").map(RecordsIn::Postgres),
        }
    }

    fn server(&mut self, url: Option<&Secret>, name: &str) -> Option<Secret> {
        if url.is_none() {
            let variable = format!("BUTTRESS_{}_URL", name.to_uppercase());
            self.problems
                .push(format!("--idempotency {name} needs --{name}, or {variable} in the environment"));
        }
        url.cloned()
    }
}
