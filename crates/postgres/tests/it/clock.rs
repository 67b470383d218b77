use buttress_postgres::PostgresStore;

use crate::bench::sql;

/// Gives the functions of a store a clock that stands where it is set.
pub(crate) async fn fake(store: &PostgresStore) {
    let statements =
        "create table buttress.test_clock (millis bigint); insert into buttress.test_clock values (0);
        create or replace function buttress.clock_millis() returns bigint language sql volatile as
            'select millis from buttress.test_clock'; select 1";
    sql(store, statements).await;
}

pub(crate) async fn set(store: &PostgresStore, millis: u64) {
    sql(store, &format!("update buttress.test_clock set millis = {millis}; select 1")).await;
}
