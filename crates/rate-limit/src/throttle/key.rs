use crate::KeyHasher;

/// Says which timetable a request belongs to, by writing the parts of its key.
///
/// A closure will do: `|job: &Job, key: &mut KeyHasher| key.part(job.tenant.as_bytes())`. Nothing of what is written is
/// kept but its hash.
pub trait ThrottleKey<Req> {
    /// Writes the parts of a request's key. Requests for which it writes the same share a timetable.
    fn write(&self, request: &Req, key: &mut KeyHasher);
}

impl<F, Req> ThrottleKey<Req> for F
where
    F: Fn(&Req, &mut KeyHasher),
{
    fn write(&self, request: &Req, key: &mut KeyHasher) {
        self(request, key);
    }
}

/// One timetable for all requests.
#[derive(Clone, Copy, Debug, Default)]
pub struct OneKey;

impl<Req> ThrottleKey<Req> for OneKey {
    fn write(&self, _: &Req, _: &mut KeyHasher) {}
}
