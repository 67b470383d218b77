use crate::terms::Terms;
use crate::trial::Trial;

/// A request whose policies are decided, for whoever writes down how they stand.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(feature = "http"), expect(dead_code, reason = "only responses over HTTP have fields"))]
pub struct Told<'a> {
    pub(crate) terms: &'a Terms,
    pub(crate) trial: &'a Trial,
    /// Whether the request is refused.
    pub(crate) refused: bool,
}
