//! A retry around a call that succeeds at once.

use std::future::{Ready, ready};
use std::sync::Arc;
use std::time::Duration;

use buttress_core::BoxError;
use buttress_retry::{Budget as RetryBudget, RetryLayer};
use http::{Request, Response};
use tower::Layer;
use tower::retry::budget::{Budget as _, TpsBudget};
use tower::retry::{Policy, RetryLayer as TowerRetryLayer};
use tower_resilience_retry::{RetryBudgetBuilder, RetryLayer as PeerLayer};

use super::bare::{Body, Echo, Upstream, get, number};
use super::built;
use crate::budget::Budget;
use crate::drive::service;
use crate::subject::{Case, Subject};

pub(crate) const PLAIN: Case = Case {
    name: "retry-plain",
    what: "retry with nothing to retry, the request is a number",
    bare: Subject::bare("bare service", || service(Echo, number)),
    rows: &[
        Subject::ours("buttress, with its budget", || {
            service(built(RetryLayer::plain().build()).layer(Echo), number)
        })
        .within(Budget::instructions(40).allocations(0)),
        Subject::ours("buttress, without a budget", || {
            service(built(RetryLayer::plain().budget(RetryBudget::none()).build()).layer(Echo), number)
        }),
        Subject::peer("tower, with its budget", || service(tower_retry(true).layer(Echo), number)),
        Subject::peer("tower, without a budget", || service(tower_retry(false).layer(Echo), number)),
        Subject::peer("tower-resilience, with its budget", || {
            service(peer_builder::<u64, u64>().budget(peer_budget()).build().layer(Echo), number)
        }),
        Subject::peer("tower-resilience, without a budget", || {
            service(peer_builder::<u64, u64>().build().layer(Echo), number)
        }),
    ],
};

pub(crate) const HTTP: Case = Case {
    name: "retry-http",
    what: "retry with nothing to retry, a GET with six headers",
    bare: Subject::bare("bare service", || service(Upstream, get::<Body>)),
    rows: &[
        Subject::ours("buttress", || {
            service(built(RetryLayer::builder().build()).layer(Upstream), get::<Body>)
        })
        .within(Budget::instructions(600).allocations(2)),
        Subject::peer("tower, with its budget", || service(tower_retry(true).layer(Upstream), get::<Body>)),
        Subject::peer("tower-resilience, with its budget", || {
            let builder = peer_builder::<Request<Body>, Response<Body>>().budget(peer_budget());
            service(builder.build().layer(Upstream), get::<Body>)
        }),
    ],
};

/// The policy that tower leaves to its users: errors are retried, as far as the budget goes.
#[derive(Clone)]
pub(super) struct RetryErrors(Option<Arc<TpsBudget>>);

impl<Req: Clone, Res> Policy<Req, Res, BoxError> for RetryErrors {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut Req, outcome: &mut Result<Res, BoxError>) -> Option<Ready<()>> {
        let budget = self.0.as_ref();
        match outcome {
            Ok(_) => {
                budget.inspect(|budget| budget.deposit());
                None
            }
            Err(_) => budget.is_none_or(|budget| budget.withdraw()).then(|| ready(())),
        }
    }

    fn clone_request(&mut self, request: &Req) -> Option<Req> {
        Some(request.clone())
    }
}

pub(super) fn tower_retry(with_budget: bool) -> TowerRetryLayer<RetryErrors> {
    TowerRetryLayer::new(RetryErrors(with_budget.then(Arc::default)))
}

fn peer_builder<Req, Res>() -> tower_resilience_retry::RetryConfigBuilder<Req, Res, BoxError>
where
    Req: Clone + Send + 'static,
    Res: Send + 'static,
{
    PeerLayer::builder().max_attempts(3).exponential_backoff(Duration::from_millis(100))
}

pub(super) fn peer_budget() -> Arc<dyn tower_resilience_retry::RetryBudget> {
    built(RetryBudgetBuilder::new().token_bucket().build())
}
