use std::cell::RefCell;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use fastrand::Rng;

/// A source of chance that can be given a seed, so that a run can be repeated.
///
/// Draws are independent and shared: clones of a seeded source draw from one stream. What the system draws cannot be
/// guessed from outside, but who has seen one draw can compute the next: not for secrets. A process that is restored
/// from a snapshot draws what its twin draws.
#[derive(Clone, Debug, Default)]
pub struct Entropy(Source);

#[derive(Clone, Debug, Default)]
enum Source {
    /// A generator of the thread's own, seeded by the system.
    #[default]
    System,
    Seeded(Arc<AtomicU64>),
}

impl Entropy {
    /// Chance that cannot be repeated. The default.
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// The stream of draws that belongs to a seed.
    pub fn seeded(seed: u64) -> Self {
        Self(Source::Seeded(Arc::new(AtomicU64::new(seed))))
    }

    /// One draw, all values equally likely.
    pub fn draw(&self) -> u64 {
        match &self.0 {
            Source::System => OF_THREAD.with_borrow_mut(|rng| rng.u64(..)),
            Source::Seeded(state) => split_mix(state.fetch_add(GOLDEN_GAMMA, Ordering::Relaxed)),
        }
    }
}

thread_local! {
    /// Seeded with what the operating system gives to hash maps. The default seed of the library is made of the time since
    /// the machine started and the number of the thread, which others can guess and other machines can share.
    static OF_THREAD: RefCell<Rng> =
        RefCell::new(Rng::with_seed(RandomState::new().hash_one(thread::current().id())));
}

/// The odd number closest to 2^64 divided by the golden ratio.
const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// The output function of `SplitMix64` (Steele, Lea and Flood, OOPSLA 2014).
fn split_mix(state: u64) -> u64 {
    let z = state.wrapping_add(GOLDEN_GAMMA);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_published_stream() {
        let entropy = Entropy::seeded(1_234_567);
        let draws = [entropy.draw(), entropy.draw(), entropy.draw()];
        assert_eq!(draws, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn clones_draw_from_one_stream() {
        let (one, other) = (Entropy::seeded(7), Entropy::seeded(7));
        let clone = one.clone();
        assert_eq!([one.draw(), clone.draw()], [other.draw(), other.draw()]);
    }

    #[test]
    fn a_thread_does_not_draw_from_the_generator_whose_seed_can_be_guessed() {
        fastrand::seed(7);
        let first = fastrand::u64(..);
        fastrand::seed(7);
        Entropy::system().draw();
        assert_eq!(fastrand::u64(..), first);
    }

    #[test]
    fn threads_draw_from_streams_of_their_own() {
        let draw = || thread::spawn(|| [(); 4].map(|()| Entropy::system().draw())).join().unwrap();
        let (one, other) = (draw(), draw());
        assert!(one.iter().all(|draw| !other.contains(draw)));
    }

    #[test]
    fn system_draws_differ() {
        let entropy = Entropy::system();
        assert_ne!([entropy.draw(), entropy.draw()], [entropy.draw(), entropy.draw()]);
    }
}
