use std::num::NonZeroUsize;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::Upstream;
use crate::faults::Faults;
use crate::fields::InvalidFields;
use crate::fleet::FleetSettings;
use crate::oauth::Tokens;
use crate::requests::RequestLog;

/// What both upstreams have: faults, a log, settings and tokens.
#[derive(Debug)]
pub(crate) struct Station {
    pub(crate) upstream: Upstream,
    pub(crate) faults: Faults,
    pub(crate) log: RequestLog,
    pub(crate) tokens: Mutex<Tokens>,
    settings: Mutex<FleetSettings>,
}

impl Station {
    fn new(upstream: Upstream, log_capacity: NonZeroUsize) -> Self {
        Self {
            upstream,
            faults: Faults::default(),
            log: RequestLog::with_capacity(log_capacity),
            tokens: Mutex::default(),
            settings: Mutex::default(),
        }
    }

    pub(crate) fn settings(&self) -> FleetSettings {
        *self.settings.lock()
    }

    /// Replaces the settings by what `change` makes of them; refused changes leave them alone.
    pub(crate) fn change_settings(
        &self,
        change: impl FnOnce(FleetSettings) -> Result<FleetSettings, InvalidFields>,
    ) -> Result<FleetSettings, InvalidFields> {
        let mut settings = self.settings.lock();
        *settings = change(*settings)?;
        Ok(*settings)
    }
}

/// The stations of both upstreams.
#[derive(Debug, Clone)]
pub(crate) struct Simulation {
    intune: Arc<Station>,
    jamf: Arc<Station>,
}

impl Simulation {
    pub(crate) fn new(log_capacity: NonZeroUsize) -> Self {
        let station = |upstream| Arc::new(Station::new(upstream, log_capacity));
        Self { intune: station(Upstream::Intune), jamf: station(Upstream::Jamf) }
    }

    pub(crate) fn station(&self, upstream: Upstream) -> &Arc<Station> {
        match upstream {
            Upstream::Intune => &self.intune,
            Upstream::Jamf => &self.jamf,
        }
    }
}
