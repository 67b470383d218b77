mod answers;
mod bench;
mod claims;
mod expiry;
mod succession;

use std::time::Duration;

use self::bench::Bench;
use crate::Store;

/// Checks the laws of [`Store`] against a store, one after the other, under records of its own.
///
/// `wait` lets time pass by the store's clock: a sleep for a server, an advance of paused time for a store in this
/// process. At the end the store is cleared; give it one, or a namespace, that nobody else needs.
///
/// # Panics
///
/// With the first law that does not hold.
pub async fn check_store<S: Store>(store: &S, wait: impl AsyncFn(Duration)) {
    let bench = Bench { store, wait };
    bench.a_first_claim_is_owned_and_a_second_hears_what_is_left_of_the_lease().await;
    bench.a_claim_sent_again_has_the_same_answer().await;
    bench.another_payload_is_told_so_in_every_state_and_changes_nothing().await;
    bench.who_did_not_claim_cannot_step().await;

    bench.a_completion_is_replayed_byte_for_byte_and_never_changes().await;
    bench.a_tombstone_keeps_status_and_headers_without_a_body().await;
    bench.large_responses_come_back_whole().await;

    bench.a_release_leaves_the_payload_and_the_count_behind().await;
    bench.what_was_abandoned_is_taken_over_or_refused_as_the_claim_says().await;
    bench.a_lease_that_ends_lets_one_take_over_and_fences_the_one_before().await;
    bench.a_renewed_lease_goes_on().await;
    bench.a_late_owner_goes_on_if_nobody_took_over().await;
    bench.a_late_owner_never_sees_the_answer_to_another_payload().await;
    bench.a_checkpoint_is_handed_to_the_next_attempt_and_gone_after_completion().await;

    bench.what_has_expired_is_absent().await;
    bench.a_record_outlives_its_lease().await;
    bench.an_invalidation_forgets_all_but_what_runs().await;
    bench.clearing_forgets_all_but_what_runs().await;
}
