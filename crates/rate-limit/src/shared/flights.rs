use tokio::sync::watch;

/// The asks of one key that the store has not answered, and those who wait for one of them.
///
/// Whoever asks first asks for all: what he hears decides for most of those behind him. There is no queue. Who waits
/// looks again when the next answer is there, or will not be.
#[derive(Clone, Debug, Default)]
pub(super) struct Flights {
    /// Units that they ask for.
    units: u64,
    /// Made by the first one who waits, and gone with the next landing.
    landing: Option<watch::Sender<Landing>>,
}

/// How a flight ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Landing {
    /// With an answer, or because its caller left. What it was is for a new look to tell.
    Done,
    /// The store gave no answer.
    Failed,
}

/// Waits for the next landing of a key.
#[derive(Debug)]
pub(super) struct Wait(watch::Receiver<Landing>);

/// Tells those who wait; kept until the lock of the key is free.
#[must_use = "those who wait are told when it is dropped"]
#[derive(Debug)]
pub(super) struct Told(
    #[expect(dead_code, reason = "it is there to be dropped")] Option<watch::Sender<Landing>>,
);

impl Flights {
    pub(super) fn units(&self) -> u64 {
        self.units
    }

    pub(super) fn begin(&mut self, units: u64) {
        self.units = self.units.saturating_add(units);
    }

    pub(super) fn end(&mut self, units: u64, how: Landing) -> Told {
        self.units = self.units.saturating_sub(units);
        let landing = self.landing.take();
        if let Some(landing) = &landing
            && how == Landing::Failed
        {
            landing.send_replace(how);
        }
        Told(landing)
    }

    pub(super) fn wait(&mut self) -> Wait {
        let landing = self.landing.get_or_insert_with(|| watch::channel(Landing::Done).0);
        Wait(landing.subscribe())
    }
}

impl Wait {
    pub(super) async fn landed(mut self) -> Landing {
        match self.0.changed().await {
            Ok(()) => *self.0.borrow(),
            // Nobody is left to say that it failed: it has landed, or its key has made room for another one.
            Err(_) => Landing::Done,
        }
    }
}
