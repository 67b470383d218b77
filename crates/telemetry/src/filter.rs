use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, OnceLock, mpsc};

use parking_lot::RwLock;
use tracing::dispatcher::{Dispatch, WeakDispatch, with_default};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Filter, Layer};

use crate::directives::{Directives, InvalidFilter};

/// Chooses what reaches the log, by target and level; what it goes by can be changed while it runs.
///
/// A layer that filters for the whole subscriber, or with `with_filter` for one layer of it. Clones share.
#[derive(Clone)]
pub struct LogFilter(Arc<Shared>);

struct Shared {
    now: RwLock<InForce>,
    /// Of which subscriber it is a part.
    part_of: OnceLock<WeakDispatch>,
}

struct InForce {
    directives: Directives,
    /// What is returned to, and a number that tells one change from the next.
    former: Option<Directives>,
    change: u64,
    /// Held for whoever waits for the end of a loan; dropped with the next change, so that nobody waits in vain.
    loan: Option<mpsc::Sender<()>>,
}

/// A filter that is to end.
pub(crate) struct Loan {
    /// Which change it is, to end that one and no other.
    pub(crate) change: u64,
    /// Hears of it when another filter is set.
    pub(crate) ended: mpsc::Receiver<()>,
}

impl LogFilter {
    pub(crate) fn new(directives: Directives) -> Self {
        let now = RwLock::new(InForce { directives, former: None, change: 0, loan: None });
        Self(Arc::new(Shared { now, part_of: OnceLock::new() }))
    }

    /// What is in force, as it was given.
    pub(crate) fn text(&self) -> String {
        self.0.now.read().directives.to_string()
    }

    /// Whether what is in force ends by itself.
    pub(crate) fn is_temporary(&self) -> bool {
        self.0.now.read().former.is_some()
    }

    pub(crate) fn set(&self, filter: &str) -> Result<(), InvalidFilter> {
        let directives = Directives::from_str(filter)?;
        self.change(|now| {
            (now.former, now.loan) = (None, None);
            now.directives = directives;
        });
        Ok(())
    }

    /// Sets a filter that is to end.
    pub(crate) fn lend(&self, filter: &str) -> Result<Loan, InvalidFilter> {
        let directives = Directives::from_str(filter)?;
        let (loan, ended) = mpsc::channel();
        let change = self.change(|now| {
            let before = std::mem::replace(&mut now.directives, directives);
            now.former.get_or_insert(before);
            now.loan = Some(loan);
        });
        Ok(Loan { change, ended })
    }

    /// Returns to what was in force before the change, unless there was another one since.
    pub(crate) fn give_back(&self, change: u64) {
        let of_this_change = |now: &InForce| now.change == change;
        let mut now = self.0.now.write();
        if !of_this_change(&now) {
            return;
        }
        if let Some(former) = &now.former {
            now.directives = former.clone();
        }
        drop(now);
        self.forget_interest();
        // Whoever sees that the loan is over finds the former filter at work.
        let mut now = self.0.now.write();
        if of_this_change(&now) {
            now.former = None;
        }
    }

    fn change(&self, change: impl FnOnce(&mut InForce)) -> u64 {
        let number = {
            let mut now = self.0.now.write();
            change(&mut now);
            now.change += 1;
            now.change
        };
        self.forget_interest();
        number
    }

    pub(crate) fn belongs_to(&self, subscriber: &Dispatch) {
        let _ = self.0.part_of.set(subscriber.downgrade());
    }

    /// Each place in the source remembers whether it is of interest. Done outside the lock, since we will be asked.
    fn forget_interest(&self) {
        let rebuild = tracing_core::callsite::rebuild_interest_cache;
        match self.0.part_of.get().and_then(WeakDispatch::upgrade) {
            // If there is only one subscriber, tracing asks that of the thread, which may have none.
            Some(subscriber) => with_default(&subscriber, rebuild),
            None => rebuild(),
        }
    }

    fn look<T>(&self, look: impl FnOnce(&Targets) -> T) -> T {
        look(self.0.now.read().directives.targets())
    }

    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        self.look(|targets| targets.would_enable(metadata.target(), metadata.level()))
    }

    fn interest(&self, metadata: &Metadata<'_>) -> Interest {
        if self.wants(metadata) { Interest::always() } else { Interest::never() }
    }

    fn most(&self) -> Option<LevelFilter> {
        self.look(|targets| targets.iter().map(|(_, level)| level).chain(targets.default_level()).max())
    }
}

impl<S: Subscriber> Layer<S> for LogFilter {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        self.interest(metadata)
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.wants(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        self.most()
    }
}

impl<S> Filter<S> for LogFilter {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        self.wants(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        self.interest(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        self.most()
    }
}

impl fmt::Debug for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LogFilter").field(&self.text()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter() -> LogFilter {
        LogFilter::new("info".parse().expect("a filter"))
    }

    #[test]
    fn what_was_lent_is_given_back_once() {
        let filter = filter();
        let change = filter.lend("debug").expect("a filter").change;
        assert_eq!((filter.text(), filter.is_temporary()), ("debug".to_owned(), true));
        filter.give_back(change);
        assert_eq!((filter.text(), filter.is_temporary()), ("info".to_owned(), false));
        filter.set("warn").expect("a filter");
        filter.give_back(change);
        assert_eq!(filter.text(), "warn");
    }

    #[test]
    fn a_loan_over_a_loan_returns_to_what_was_there_before_both() {
        let filter = filter();
        let first = filter.lend("debug").expect("a filter");
        let second = filter.lend("trace").expect("a filter");
        filter.give_back(first.change);
        assert_eq!(filter.text(), "trace", "the first is over, and the second is not");
        filter.give_back(second.change);
        assert_eq!(filter.text(), "info");
    }

    #[test]
    fn nobody_waits_for_the_end_of_a_loan_that_was_replaced() {
        let filter = filter();
        let first = filter.lend("debug").expect("a filter");
        let second = filter.lend("trace").expect("a filter");
        let waits = |loan: &Loan| loan.ended.try_recv() == Err(mpsc::TryRecvError::Empty);
        assert_eq!((waits(&first), waits(&second)), (false, true));
        filter.set("warn").expect("a filter");
        assert!(!waits(&second));
    }

    #[test]
    fn what_is_set_for_good_ends_a_loan() {
        let filter = filter();
        let change = filter.lend("debug").expect("a filter").change;
        filter.set("warn").expect("a filter");
        filter.give_back(change);
        assert_eq!((filter.text(), filter.is_temporary()), ("warn".to_owned(), false));
    }

    #[test]
    fn a_filter_that_cannot_be_read_changes_nothing() {
        let filter = filter();
        let change = filter.lend("debug").expect("a filter").change;
        assert!(filter.set("my_app=loud").is_err() && filter.lend("a=b=c").is_err());
        assert_eq!((filter.text(), filter.is_temporary()), ("debug".to_owned(), true));
        filter.give_back(change);
        assert_eq!(filter.text(), "info");
    }
}
