use std::time::Duration;

use buttress_core::{Context, Deadline, WallClock};

/// What a throttle learns from requests, and from what becomes of them.
pub trait Feedback<Req, Res, E> {
    /// The moment by which a request must be answered. Default: the deadline of the work that it is part of.
    fn deadline(&self, request: &Req) -> Option<Deadline> {
        let _ = request;
        Context::with_current(Context::deadline)
    }

    /// For how long the upstream wants to be left alone, counted from now; at most 10 minutes of it are obeyed.
    fn pause(&self, answer: Result<&Res, &E>, wall: &WallClock) -> Option<Duration>;
}

/// Learns nothing from answers.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFeedback;

impl<Req, Res, E> Feedback<Req, Res, E> for NoFeedback {
    fn pause(&self, _: Result<&Res, &E>, _: &WallClock) -> Option<Duration> {
        None
    }
}

/// Learns what a closure makes of an answer: `FeedbackWith(|answer: Result<&Reply, &Error>| ..)`.
#[derive(Clone, Copy, Debug)]
pub struct FeedbackWith<F>(pub F);

impl<F, Req, Res, E> Feedback<Req, Res, E> for FeedbackWith<F>
where
    F: Fn(Result<&Res, &E>) -> Option<Duration>,
{
    fn pause(&self, answer: Result<&Res, &E>, _: &WallClock) -> Option<Duration> {
        (self.0)(answer)
    }
}
