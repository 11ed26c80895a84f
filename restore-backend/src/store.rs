//! Wrappers around any object store: one records every request, and on local disk makes every mutation durable.

mod conduct;
mod durability;
mod observed;
mod request_log;

pub use conduct::Conduct;
pub use durability::Durability;
pub use observed::ObservedStore;
pub use observed::PutListener;
pub use request_log::Gate;
pub use request_log::Request;
pub use request_log::RequestLog;
pub use request_log::Verb;
