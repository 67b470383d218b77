use super::{MAX_SLOT, Notation};

/// Who writes the lines; what is empty is left out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Service {
    pub(crate) name: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) environment: Option<String>,
}

impl Service {
    /// The end of every line. People know whose lines they are reading.
    pub(crate) fn tail(&self, notation: Notation) -> Vec<u8> {
        let mut out = Vec::new();
        if notation == Notation::Json {
            for (name, value) in [
                ("service.name", &self.name),
                ("service.version", &self.version),
                ("deployment.environment", &self.environment),
            ] {
                if let Some(value) = value {
                    notation.key(name, &mut out);
                    notation.text(value, MAX_SLOT, &mut out);
                }
            }
            out.push(b'}');
        }
        out.push(b'\n');
        out
    }
}
