use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::time::Duration;

use buttress_idempotency::{RecordId, StoreError, StoreErrorKind, Timestamp};
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use crate::error::unreadable;
use crate::layout::{COMPACTED, Due, Kept, TIME};
use crate::round::Change;

const CACHE_BYTES: u64 = 32 << 20;
const JOURNAL_BYTES: u64 = 128 << 20;
const RECORDS_IN_MEMORY_BYTES: u64 = 16 << 20;
const OTHERS_IN_MEMORY_BYTES: u64 = 4 << 20;

/// How many tables may wait at most until they are written, and how many written ones until they are put in order.
const MOST_UNWRITTEN: usize = 2;
const MOST_UNORDERED: usize = 16;

/// How long the database may take to catch up with what was written.
const LONGEST_CATCH_UP: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// What fails inside the database, or is not what we have written.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// The database: all records by ID, the same by expiry, and what time it was. Each change of a record changes both in
/// one atomic batch.
pub(crate) struct Tables {
    database: Database,
    records: Keyspace,
    due: Keyspace,
    about: Keyspace,
}

impl Tables {
    /// Creates an empty database, and closes it.
    pub(crate) fn create(path: &Path) -> Result<(), fjall::Error> {
        Self::open(path)?.database.persist(PersistMode::SyncAll)
    }

    pub(crate) fn open(path: &Path) -> Result<Self, fjall::Error> {
        let database = Database::builder(path)
            // One makes room in memory, the other on disk.
            .worker_threads(2)
            .cache_size(CACHE_BYTES)
            .max_journaling_size(JOURNAL_BYTES)
            .manual_journal_persist(true)
            .open()?;
        let keyspace = |name, bytes| database.keyspace(name, || options(bytes));
        Ok(Self {
            records: keyspace("records", RECORDS_IN_MEMORY_BYTES)?,
            due: keyspace("due", OTHERS_IN_MEMORY_BYTES)?,
            about: keyspace("about", OTHERS_IN_MEMORY_BYTES)?,
            database,
        })
    }

    pub(crate) fn read(&self, id: RecordId) -> Result<Option<Kept>, StoreError> {
        let Some(value) = self.records.get(id.as_bytes()).map_err(unreadable)? else { return Ok(None) };
        let kept = Kept::decode(value.into());
        kept.map(Some).map_err(|malformed| StoreError::with_source(StoreErrorKind::Corrupt, malformed))
    }

    /// All records from a place in the order of their expiry, those of the same time in the order of their IDs.
    pub(crate) fn due_from(&self, from: &[u8]) -> impl Iterator<Item = Result<Due, Failure>> + use<> {
        self.due.range(from.to_vec()..).map(|guard| {
            let (key, value) = guard.into_inner()?;
            Ok(Due::decode(&key, &value).ok_or("the list of what expires when is damaged")?)
        })
    }

    /// The latest time that was written down.
    pub(crate) fn time(&self) -> Result<Timestamp, Failure> {
        let Some(value) = self.about.get(TIME)? else { return Ok(Timestamp::default()) };
        let millis = <[u8; 8]>::try_from(&value[..])?;
        Ok(Timestamp::from_millis(u64::from_be_bytes(millis)))
    }

    /// Writes changes, all or none. They are visible only once they are written as safely as was asked.
    pub(crate) fn commit(
        &self,
        changes: &BTreeMap<RecordId, Change>,
        now: Timestamp,
        how: PersistMode,
    ) -> Result<(), fjall::Error> {
        self.catch_up()?;
        let mut batch = self.database.batch().durability(Some(how));
        batch.insert(&self.about, TIME, now.as_millis().to_be_bytes());
        for (id, change) in changes {
            let after = change.after.as_ref().map(|kept| Due::of(*id, kept));
            let (was_at, is_at) = (change.before, after.map(|due| due.expires_at));
            if let Some(at) = was_at.filter(|_| was_at != is_at) {
                batch.remove(&self.due, Due::key(at, *id));
            }
            match (&change.after, after) {
                (Some(kept), Some(due)) => {
                    batch.insert(&self.records, *id.as_bytes(), kept.encode());
                    batch.insert(&self.due, Due::key(due.expires_at, *id), due.encode());
                }
                _ if was_at.is_some() => batch.remove(&self.records, *id.as_bytes()),
                _ => {}
            }
        }
        batch.commit()
    }

    /// Waits while the database is behind. It would wait by itself, and for ever if its own threads have ended, as they
    /// do when the disk fails.
    fn catch_up(&self) -> Result<(), fjall::Error> {
        let mut waited = Duration::ZERO;
        while self.is_behind() {
            if waited >= LONGEST_CATCH_UP {
                return Err(fjall::Error::Poisoned);
            }
            std::thread::park_timeout(LOOK_EVERY);
            waited += LOOK_EVERY;
        }
        Ok(())
    }

    fn is_behind(&self) -> bool {
        [&self.records, &self.due, &self.about].iter().any(|table| {
            table.sealed_memtable_count() > MOST_UNWRITTEN || table.l0_table_count() > MOST_UNORDERED
        })
    }

    /// What the tables take on disk, without the journals.
    pub(crate) fn disk_bytes(&self) -> u64 {
        self.records.disk_space() + self.due.disk_space()
    }

    /// Gives space back while others use the tables.
    pub(crate) fn compaction(&self) -> Compaction {
        let Self { records, due, about, .. } = self;
        Compaction { shrinking: [records.clone(), due.clone()], about: about.clone() }
    }
}

/// Gives back to the file system what removed records still take.
pub(crate) struct Compaction {
    shrinking: [Keyspace; 2],
    about: Keyspace,
}

impl Compaction {
    /// Takes seconds for a gibibyte.
    pub(crate) fn run(&self, is_over: &impl Fn() -> bool) -> Result<(), fjall::Error> {
        for table in &self.shrinking {
            // The removals must be on disk before they can meet what they remove.
            table.rotate_memtable()?;
            while table.sealed_memtable_count() > 0 {
                if is_over() {
                    return Ok(());
                }
                std::thread::park_timeout(LOOK_EVERY);
            }
            table.major_compact()?;
        }
        // The database deletes what nobody can read any more as it goes on to its next table, and only if it was
        // written to since.
        self.about.insert(COMPACTED, [])?;
        self.about.rotate_memtable().map(drop)
    }
}

fn options(max_memtable_bytes: u64) -> KeyspaceCreateOptions {
    KeyspaceCreateOptions::default().max_memtable_size(max_memtable_bytes).manual_journal_persist(true)
}
