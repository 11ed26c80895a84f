//! Wrappers around any object store: one records every request, and on local disk makes every mutation durable; one is a root's objects.

mod conduct;
mod durability;
mod hold;
mod objects;
mod observed;
mod request_log;

pub use conduct::Conduct;
pub use durability::Durability;
pub use hold::Hold;
pub use objects::Objects;
pub use observed::ObservedStore;
pub use observed::PutListener;
pub use request_log::Gate;
pub use request_log::Request;
pub use request_log::RequestLog;
pub use request_log::Verb;

pub(crate) use durability::LocalSync;
