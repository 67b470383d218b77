//! One line for each request.

mod body;
mod future;
mod layer;
mod outcome;
mod record;
mod service;
mod until;

pub use self::body::LoggedBody;
pub use self::future::ResponseFuture;
pub use self::layer::RequestLogLayer;
pub use self::outcome::RequestOutcome;
pub use self::record::OpenRecord;
pub use self::service::RequestLog;
pub use self::until::{Until, UntilBodyEnd, UntilBodyEndAs, UntilHead};
