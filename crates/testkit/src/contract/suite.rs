use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::bench::Bench;
use super::subject::{Inner, Reply};
use super::{Breach, Law, MakeMarked, MarkedError, Subject, Wire};

type Replies<W> = Arc<dyn Fn(u64) -> Reply<W> + Send + Sync>;
type Watch<L> = Box<dyn Fn(&L)>;
type Adapt<T> = Arc<dyn Fn(T) -> T + Send + Sync>;

/// The contract, ready to be checked on one layer in one mode.
///
/// Made by [`plain`](super::plain), [`server`](super::server), [`client`](super::client), or by [`Suite::new`] for
/// other types.
pub struct Suite<L, W: Wire> {
    name: String,
    pub(super) make: Box<dyn Fn() -> L>,
    pub(super) adapt_request: Adapt<W::Request>,
    pub(super) adapt_response: Adapt<W::Response>,
    pub(super) quiet: Option<Watch<L>>,
    pub(super) refusing: Option<Watch<L>>,
    pub(super) refuses_after: Option<(usize, Replies<W>)>,
    pub(super) leaves_inner_alone: bool,
    pub(super) scripts: Vec<(String, Replies<W>)>,
    pub(super) permits: usize,
    pub(super) wakes: usize,
    exceptions: Vec<Law>,
}

#[expect(clippy::missing_fields_in_debug, reason = "the rest is closures")]
impl<L, W: Wire> fmt::Debug for Suite<L, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suite").field("name", &self.name).field("exceptions", &self.exceptions).finish()
    }
}

impl<L: Subject<W>, W: Wire> Suite<L, W> {
    /// The suite for the layer that the closure makes, a fresh one each time.
    pub fn new(layer: impl Fn() -> L + 'static) -> Self {
        Self {
            name: std::any::type_name::<L>().to_owned(),
            make: Box::new(layer),
            adapt_request: Arc::new(|request| request),
            adapt_response: Arc::new(|response| response),
            quiet: None,
            refusing: None,
            refuses_after: None,
            leaves_inner_alone: false,
            scripts: Vec::new(),
            permits: 1,
            wakes: 8,
            exceptions: Vec::new(),
        }
    }

    /// Names the layer and its mode for failure messages; by default it is the name of the layer's type.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Asserts that the layer holds nothing: no permit, no ticket, no slot. Asked after every drop and at the end
    /// of every law.
    #[must_use]
    pub fn quiet(mut self, assert_quiet: impl Fn(&L) + 'static) -> Self {
        self.quiet = Some(Box::new(assert_quiet));
        self
    }

    /// Brings the layer to refuse every call from now on. Without this or [`refuses_after`](Self::refuses_after)
    /// the laws about refusals are not checked.
    #[must_use]
    pub fn refusing(mut self, refuse: impl Fn(&L) + 'static) -> Self {
        self.refusing = Some(Box::new(refuse));
        self
    }

    /// The layer refuses after that many calls with those answers, whichever of its services they went through.
    ///
    /// Make it more than 8: the other laws make up to that many calls on one layer, and expect no refusal.
    #[must_use]
    pub fn refuses_after(
        mut self,
        calls: usize,
        reply: impl Fn(u64) -> Reply<W> + Send + Sync + 'static,
    ) -> Self {
        self.refuses_after = Some((calls, Arc::new(reply)));
        self
    }

    /// While it refuses, the layer does not even ask for the inner service's readiness, and does not wait for it.
    #[must_use]
    pub fn refusing_leaves_inner_alone(mut self) -> Self {
        self.leaves_inner_alone = true;
        self
    }

    /// Adapts the requests: method, headers, extensions. The mark must stay in them.
    #[must_use]
    pub fn request(mut self, adapt: impl Fn(W::Request) -> W::Request + Send + Sync + 'static) -> Self {
        self.adapt_request = Arc::new(adapt);
        self
    }

    /// Adapts the inner responses: status, headers. The mark must stay in them.
    #[must_use]
    pub fn response(mut self, adapt: impl Fn(W::Response) -> W::Response + Send + Sync + 'static) -> Self {
        self.adapt_response = Arc::new(adapt);
        self
    }

    /// One more behaviour of the inner service under which a call is dropped at each of its polls. Two are always
    /// tried: a response after three polls, and an error after three polls.
    #[must_use]
    pub fn script(
        mut self,
        name: impl Into<String>,
        reply: impl Fn(u64) -> Reply<W> + Send + Sync + 'static,
    ) -> Self {
        self.scripts.push((name.into(), Arc::new(reply)));
        self
    }

    /// How many instances and calls the inner service serves at a time; 1 by default, so that readiness parked on
    /// an instance that is not called is noticed.
    #[must_use]
    pub fn inner_permits(mut self, permits: usize) -> Self {
        self.permits = permits;
        self
    }

    /// How often a call may wake its task in a second during which the inner call hangs; 8 by default.
    #[must_use]
    pub fn wakes_at_most(mut self, wakes: usize) -> Self {
        self.wakes = wakes;
        self
    }

    /// Leaves one law out, for the reason given.
    ///
    /// # Panics
    ///
    /// If the reason is empty.
    #[must_use]
    pub fn except(mut self, law: Law, reason: &str) -> Self {
        assert!(!reason.trim().is_empty(), "a law is left out only for a reason");
        self.exceptions.push(law);
        self
    }

    /// The laws that will be checked: all but the exceptions, errors where there can be none, and refusals if the
    /// suite was not told how to bring them about.
    pub fn laws(&self) -> Vec<Law> {
        Law::ALL.into_iter().filter(|law| self.applies(*law)).collect()
    }

    fn applies(&self, law: Law) -> bool {
        let possible = match law {
            Law::InnerErrorUnchanged | Law::ReadinessErrorUnchanged => W::Error::marked(0).is_some(),
            Law::RefusalLeavesInner | Law::RefusalAnswersCall | Law::OneState => {
                self.refusing.is_some() || self.refuses_after.is_some()
            }
            _ => true,
        };
        possible && !self.exceptions.contains(&law)
    }

    /// Checks every law and fails if one is broken.
    ///
    /// Not `async`: each law runs on a paused runtime of its own, so this is called from a plain test.
    ///
    /// # Panics
    ///
    /// If a law is broken, with all broken laws and what was seen; or inside another runtime.
    #[track_caller]
    pub fn run(&self) {
        let breaches = self.check();
        let told: Vec<_> = breaches.iter().map(|breach| format!("\n  - {breach}")).collect();
        let laws = self.laws().len();
        assert!(told.is_empty(), "{} broke {} of {laws} laws:{}", self.name, told.len(), told.concat());
    }

    /// Checks every law and returns the broken ones.
    ///
    /// # Panics
    ///
    /// Inside another runtime.
    #[track_caller]
    pub fn check(&self) -> Vec<Breach> {
        assert!(
            tokio::runtime::Handle::try_current().is_err(),
            "the contract brings its own runtime: check it in a plain `#[test]`"
        );
        let broken = |law| self.judge(law).err().map(|saw| Breach { law, saw });
        self.laws().into_iter().filter_map(broken).collect()
    }

    fn judge(&self, law: Law) -> Result<(), String> {
        let judged = catch_unwind(AssertUnwindSafe(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .start_paused(true)
                .build()
                .map_err(|why| format!("no runtime: {why}"))?;
            runtime.block_on(self.try_law(law))
        }));
        judged.unwrap_or_else(|panic| Err(panic_text(&*panic)))
    }

    async fn try_law(&self, law: Law) -> Result<(), String> {
        match law {
            Law::ReadyInstanceCalled => self.ready_instance_called().await,
            Law::ReadinessStable => self.readiness_stable().await,
            Law::CloneUnready => self.clone_unready().await,
            Law::PendingInnerWakes => self.pending_inner_wakes().await,
            Law::PendingReadinessSleeps => self.pending_readiness_sleeps(),
            Law::ReadinessErrorUnchanged => self.readiness_error_unchanged().await,
            Law::RequestUnchanged => self.request_unchanged().await,
            Law::ResponseUnchanged => self.response_unchanged().await,
            Law::InnerErrorUnchanged => self.inner_error_unchanged().await,
            Law::AnswerWakes => self.answer_wakes().await,
            Law::HangingCallSleeps => self.hanging_call_sleeps().await,
            Law::DroppedServiceLeavesNothing => self.dropped_service_leaves_nothing().await,
            Law::UnpolledFutureLeavesNothing => self.unpolled_future_leaves_nothing().await,
            Law::DroppedFutureLeavesNothing => self.dropped_future_leaves_nothing().await,
            Law::PanicLeavesNothing => self.panic_leaves_nothing().await,
            Law::RefusalLeavesInner => self.refusal_leaves_inner().await,
            Law::RefusalAnswersCall => self.refusal_answers_call().await,
            Law::OneState => self.one_state().await,
        }
    }

    pub(super) fn assert_quiet(&self, layer: &L, when: &str) -> Result<(), String> {
        let Some(assert_quiet) = &self.quiet else { return Ok(()) };
        catch_unwind(AssertUnwindSafe(|| assert_quiet(layer)))
            .map_err(|panic| format!("the layer is not quiet {when}: {}", panic_text(&*panic)))
    }

    pub(super) fn ask(&self, mark: u32) -> W::Request {
        (self.adapt_request)(W::Request::marked(mark))
    }

    /// How the inner service responds: a closure, so that scripts can respond as well.
    pub(super) fn responder(&self) -> impl Fn(u32) -> W::Response + Clone + Send + Sync + use<L, W> {
        let adapt = Arc::clone(&self.adapt_response);
        move |mark| adapt(W::Response::marked(mark))
    }

    /// A fresh layer over an inner service that answers that way.
    pub(super) fn bench(&self, reply: impl Fn(u64) -> Reply<W> + Send + 'static) -> Bench<'_, L, W> {
        Bench::new(self, Inner::<W>::with(move |call, _| reply(call)))
    }
}

/// The text of a panic on one line.
fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without a text");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
