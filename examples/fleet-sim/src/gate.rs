//! Every request comes through here: noted, hit by the fault in force, and only then answered.

use std::fmt;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

use crate::fault::{Plan, Verdict};
use crate::faults::Faults;
use crate::refusal::Why;
use crate::requests::Arrival;
use crate::slow::SlowBody;
use crate::station::{Simulation, Station};
use crate::{Upstream, control, intune, jamf};

/// Body bytes a request may have; no honest one comes near it.
pub(crate) const MAX_BODY_BYTES: usize = 64 * 1024;

/// The connection is to end without an answer.
#[derive(Debug)]
pub(crate) struct NoAnswer;

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("connection ends without an answer")
    }
}

impl std::error::Error for NoAnswer {}

/// The whole site; clones share everything.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    simulation: Simulation,
    routes: TowerToHyperService<Router>,
}

impl Gate {
    pub(crate) fn new(simulation: Simulation) -> Self {
        let station = |upstream| simulation.station(upstream).clone();
        let routes = Router::new()
            .nest("/intune", intune::routes(station(Upstream::Intune)))
            .nest("/jamf", jamf::routes(station(Upstream::Jamf)))
            .merge(control::routes(simulation.clone()));
        Self { simulation, routes: TowerToHyperService::new(routes) }
    }

    pub(crate) async fn answer(&self, request: Request<Incoming>) -> Result<Response, NoAnswer> {
        match Upstream::of_path(request.uri().path()) {
            Some(upstream) => self.upstream_answer(self.simulation.station(upstream), request).await,
            None => Ok(self.real_answer(request.map(Body::new)).await),
        }
    }

    async fn upstream_answer(
        &self,
        station: &Station,
        request: Request<Incoming>,
    ) -> Result<Response, NoAnswer> {
        let arrival = station.log.arrived(request.method(), request.uri(), request.headers());
        let verdict = station.faults.meet();
        if verdict == Verdict::Reset {
            return Err(reset(arrival));
        }
        // Only with the whole body read does a connection notice that its client has left during a wait.
        let Some(request) = whole(request).await? else {
            return Ok(arrival.sent(too_large(station.upstream)));
        };
        let Some(plan) = settle(&station.faults, verdict).await else {
            return Err(reset(arrival));
        };
        Ok(arrival.sent(self.planned_answer(station.upstream, plan, request).await))
    }

    async fn planned_answer(&self, upstream: Upstream, plan: Plan, request: Request) -> Response {
        if let Some(latency) = plan.latency {
            tokio::time::sleep(latency).await;
        }
        let response = match plan.error {
            Some(error) => upstream.simulated(error).into_response(),
            None => self.real_answer(request).await,
        };
        match plan.slow_body {
            Some(pause) => slowed(response, pause).await,
            None => response,
        }
    }

    async fn real_answer(&self, request: Request) -> Response {
        let Ok(response) = self.routes.call(request).await;
        response
    }
}

impl Arrival<'_> {
    fn sent(self, response: Response) -> Response {
        self.answered(response.status());
        response
    }
}

fn reset(arrival: Arrival<'_>) -> NoAnswer {
    arrival.reset();
    NoAnswer
}

/// Sits out a hang; a change of fault lets the request meet the new one. Nothing means reset.
async fn settle(faults: &Faults, mut verdict: Verdict) -> Option<Plan> {
    loop {
        match verdict {
            Verdict::Reset => return None,
            Verdict::Answer(plan) => return Some(plan),
            Verdict::Hang { generation } => faults.changed_since(generation).await,
        }
        verdict = faults.meet();
    }
}

/// The request with its body in memory, or nothing when that is too large.
async fn whole(request: Request<Incoming>) -> Result<Option<Request>, NoAnswer> {
    let (parts, body) = request.into_parts();
    match Limited::new(body, MAX_BODY_BYTES).collect().await {
        Ok(body) => Ok(Some(Request::from_parts(parts, Body::from(body.to_bytes())))),
        Err(why) if why.is::<LengthLimitError>() => Ok(None),
        // The client broke off in the middle of its own body.
        Err(_) => Err(NoAnswer),
    }
}

fn too_large(upstream: Upstream) -> Response {
    upstream.refusal(Why::TooLarge, format!("a body may have {MAX_BODY_BYTES} bytes")).into_response()
}

async fn slowed(response: Response, pause: std::time::Duration) -> Response {
    let (parts, body) = response.into_parts();
    // Bodies here are made in memory, so reading one can neither wait nor fail.
    let whole = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    Response::from_parts(parts, Body::new(SlowBody::new(whole, pause)))
}
