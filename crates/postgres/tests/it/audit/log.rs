use buttress_audit::log::ChainId;
use buttress_audit::sink::FeederHandle;
use buttress_audit::testing::{self, Place, Written};
use buttress_postgres::{PostgresSink, PostgresStore};

use crate::bench::{ask, sql};

/// The rows of a database.
pub(super) struct Rows(pub(super) PostgresStore);

impl Place for Rows {
    type Sink = PostgresSink;
    const TELLS: bool = true;

    fn sink(&self, name: &str) -> PostgresSink {
        self.0.audit_sink().named(name)
    }

    async fn lines(&self, chain: ChainId) -> Vec<String> {
        let rebuilt = format!(
            "select coalesce(array_agg('{{\"event\":' || raw || ',\"chain\":{{\"id\":\"' || chain || '\",\"seq\":' || seq
            || ',\"prev\":\"' || encode(prev, 'hex') || '\",\"alg\":\"sha256\",\"hash\":\"' || encode(hash, 'hex')
            || '\"}}}}' order by ctid), '{{}}') from buttress.audit where chain = '{chain}'"
        );
        ask(&self.0, &rebuilt).await
    }
}

pub(super) async fn feed(store: &PostgresStore, written: &Written) -> FeederHandle {
    testing::feed(store.audit_sink(), written).await
}

/// Hands everything on that is in the log.
pub(super) async fn feed_all(store: &PostgresStore, written: &Written) {
    testing::feed_all(store.audit_sink(), written).await;
}

/// The numbers of the records, in the order in which they came.
pub(super) async fn arrived(store: &PostgresStore) -> Vec<i64> {
    let row = sql(store, "select coalesce(array_agg(seq order by ctid), '{}') from buttress.audit").await;
    row.unwrap().get(0)
}

pub(super) fn up_to(end: u64) -> Vec<i64> {
    (1..=i64::try_from(end).unwrap()).collect()
}
