use std::collections::VecDeque;

use http_body_util::{BodyExt, Empty, Full};
use proptest::prelude::*;
use tokio_test::block_on;

use super::*;

/// Hands over its chunks and, if it has them, trailers or an error at the end.
#[derive(Default)]
struct Source {
    chunks: VecDeque<Bytes>,
    trailers: Option<HeaderMap>,
    error: Option<&'static str>,
}

impl Body for Source {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        Poll::Ready(match self.chunks.pop_front() {
            Some(chunk) => Some(Ok(Frame::data(chunk))),
            None => match self.trailers.take() {
                Some(trailers) => Some(Ok(Frame::trailers(trailers))),
                None => self.error.take().map(Err),
            },
        })
    }
}

fn source(chunks: &[&'static str]) -> Source {
    Source {
        chunks: chunks.iter().map(|chunk| Bytes::from_static(chunk.as_bytes())).collect(),
        ..Source::default()
    }
}

fn read_all<B: Body<Error: fmt::Debug> + Unpin>(body: ReplayBody<B>) -> Bytes {
    block_on(body.collect()).expect("no error in this body").to_bytes()
}

/// Reads so many frames; their bytes.
fn read_frames<B: Body + Unpin>(body: &mut ReplayBody<B>, frames: usize) -> usize {
    let mut frame = || block_on(body.frame())?.ok()?.into_data().ok();
    (0..frames).filter_map(|_| frame()).map(|data| data.len()).sum()
}

#[test]
fn a_body_read_to_the_end_is_sent_again() {
    let (first, spare) = replayable(source(&["ab", "c"]), 64);
    let mut spare = spare.expect("small enough");
    assert_eq!(read_all(first), "abc");
    for _ in 0..3 {
        assert_eq!(read_all(spare.again().expect("let go")), "abc");
    }
}

#[test]
fn a_body_left_halfway_begins_again_and_goes_on_from_the_source() {
    let (mut first, spare) = replayable(source(&["ab", "c", "de"]), 64);
    read_frames(&mut first, 2);
    drop(first);
    let mut spare = spare.expect("small enough");
    assert_eq!(read_all(spare.again().expect("let go")), "abcde");
    assert_eq!(read_all(spare.again().expect("let go")), "abcde");
}

#[test]
fn a_body_still_out_cannot_be_had_twice() {
    let (first, spare) = replayable(source(&["ab"]), 64);
    let mut spare = spare.expect("small enough");
    assert_eq!(spare.check(), Err(NotReplayable::InUse));
    assert_eq!(spare.again().err(), Some(NotReplayable::InUse));
    drop(first);
    assert_eq!(spare.check(), Ok(()));
    let _second = spare.again().expect("let go");
    assert_eq!(spare.again().err(), Some(NotReplayable::InUse));
}

#[test]
fn a_body_that_outgrows_the_cap_arrives_whole_and_only_once() {
    let (first, spare) = replayable(source(&["abc", "def"]), 5);
    let mut spare = spare.expect("its size is not known");
    assert_eq!(read_all(first), "abcdef");
    assert_eq!(spare.again().err(), Some(NotReplayable::OverCap));
    assert_eq!(spare.check(), Err(NotReplayable::OverCap));
}

#[test]
fn a_body_known_to_be_too_large_is_not_remembered_at_all() {
    let (first, spare) = replayable(Full::new(Bytes::from_static(b"abcdef")), 5);
    assert!(spare.is_none());
    assert_eq!(first.size_hint().exact(), Some(6));
    assert_eq!(read_all(first), "abcdef");
}

#[test]
fn an_empty_body_can_always_be_sent_again() {
    let (first, spare) = replayable(Empty::<Bytes>::new(), 0);
    let mut spare = spare.expect("nothing to keep");
    assert!(first.is_end_stream());
    assert_eq!(first.size_hint().exact(), Some(0));
    assert!(spare.again().is_ok_and(|body| body.is_end_stream()), "even while the first is out");
}

#[test]
fn a_source_that_failed_is_not_sent_again() {
    let (mut first, spare) = replayable(Source { error: Some("gone"), ..source(&["ab"]) }, 64);
    read_frames(&mut first, 2);
    drop(first);
    assert_eq!(spare.expect("small").again().err(), Some(NotReplayable::Broken));
}

#[test]
fn trailers_are_sent_again() {
    let mut trailers = HeaderMap::new();
    trailers.insert("checksum", http::HeaderValue::from_static("7"));
    let (first, spare) = replayable(Source { trailers: Some(trailers.clone()), ..source(&["ab"]) }, 64);
    let first = block_on(first.collect()).expect("no error");
    assert_eq!(first.trailers(), Some(&trailers));
    let again = spare.expect("small").again().expect("let go");
    assert!(!again.is_end_stream());
    assert_eq!(again.size_hint().exact(), None, "a known length would leave no place for trailers");
    assert_eq!(block_on(again.collect()).expect("no error").trailers(), Some(&trailers));
}

#[test]
fn nothing_is_remembered_once_the_spare_is_gone() {
    let (mut first, spare) = replayable(source(&["ab", "cd"]), 64);
    read_frames(&mut first, 1);
    drop(spare);
    read_frames(&mut first, 1);
    assert!(first.store.as_ref().is_some_and(|store| store.chunks.is_empty() && store.tail.is_empty()));
}

#[test]
fn many_small_pieces_are_kept_as_one_and_empty_ones_not_at_all() {
    let source = source(&["", "a", "", "b", "", "c", ""]);
    let (mut first, spare) = replayable(source, 3);
    read_frames(&mut first, 7);
    drop(first);
    let again = spare.expect("small").again().expect("within the cap");
    assert_eq!(again.store.as_ref().map(|store| store.chunks.len()), Some(1));
    assert_eq!(read_all(again), "abc");
}

#[test]
fn a_piece_cut_from_a_large_buffer_does_not_keep_it() {
    let buffer = Bytes::from(vec![7_u8; 1 << 20]);
    let (first, spare) = replayable(Source { chunks: [buffer.slice(..10)].into(), ..Source::default() }, 64);
    assert_eq!(read_all(first).len(), 10);
    assert!(buffer.is_unique(), "only the test holds the buffer");
    assert_eq!(read_all(spare.expect("small").again().expect("let go")).len(), 10);
}

#[test]
fn a_body_that_is_lost_lets_go_of_its_source() {
    let source = Full::new(Bytes::from(vec![7_u8; 2048]));
    let held = Arc::new(());
    let body = Holding { inner: source, _held: Arc::clone(&held) };
    let (mut first, spare) = replayable(body, 4096);
    first.store.as_mut().expect("not empty").lose(NotReplayable::OverCap);
    drop(first);
    assert_eq!(Arc::strong_count(&held), 1, "the spare does not keep it");
    assert_eq!(spare.expect("small").check(), Err(NotReplayable::OverCap));
}

/// A body that shows whether it lives.
struct Holding {
    inner: Full<Bytes>,
    _held: Arc<()>,
}

impl Body for Holding {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.inner).poll_frame(cx)
    }
}

#[test]
fn the_size_hint_counts_what_is_remembered() {
    let (mut first, spare) = replayable(Full::new(Bytes::from_static(b"abcdef")), 64);
    assert_eq!(first.size_hint().exact(), Some(6));
    read_frames(&mut first, 1);
    assert_eq!(first.size_hint().exact(), Some(0));
    drop(first);
    assert_eq!(spare.expect("small").again().expect("let go").size_hint().exact(), Some(6));
}

proptest! {
    /// Whatever each attempt reads, a later one gives all of the body or none.
    #[test]
    fn an_attempt_gives_the_whole_body_or_says_why_not(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9), 0..9),
        cap in 0_usize..40,
        reads in prop::collection::vec(0_usize..10, 1..5),
    ) {
        let whole: Vec<u8> = chunks.concat();
        let source = Source { chunks: chunks.iter().cloned().map(Bytes::from).collect(), ..Source::default() };
        let (first, spare) = replayable(source, cap);
        let mut spare = spare.expect("its size is not known");
        let mut attempt = Ok(first);
        let mut furthest = 0;
        for frames in reads {
            let Ok(mut body) = attempt else { break };
            furthest = furthest.max(read_frames(&mut body, frames));
            drop(body);
            attempt = spare.again();
            prop_assert_eq!(attempt.as_ref().err(), (furthest > cap).then_some(&NotReplayable::OverCap));
        }
        if let Ok(body) = attempt {
            prop_assert_eq!(read_all(body), whole);
        }
    }
}
