use buttress_core::{Context, Deadline};
use http::Extensions;

/// The deadline that applies to a request: its own, or that of the work it is part of, whichever is earlier.
pub fn deadline_of(extensions: &Extensions) -> Option<Deadline> {
    let own = extensions.get::<Deadline>().copied();
    let inherited = Context::with_current(Context::deadline);
    match (own, inherited) {
        (Some(own), Some(inherited)) => Some(own.earlier(inherited)),
        (own, inherited) => own.or(inherited),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn the_earlier_of_the_two_deadlines_applies() {
        let now = tokio::time::Instant::now().into_std();
        let (near, far) = (Deadline::at(now), Deadline::after(now, Duration::from_secs(1)));
        let mut extensions = Extensions::new();
        assert_eq!(deadline_of(&extensions), None);
        Context::new().with_deadline(far).run(|| {
            assert_eq!(deadline_of(&extensions), Some(far));
            extensions.insert(near);
            assert_eq!(deadline_of(&extensions), Some(near));
        });
        assert_eq!(deadline_of(&extensions), Some(near));
    }
}
