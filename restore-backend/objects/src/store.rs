//! The stores under a root: one that stays below a folder of local disk; wrappers around any, one of which records every request,
//! and on local disk makes every mutation durable; and a root's objects.

mod conduct;
mod confined;
mod durability;
mod e_tag;
mod hold;
mod objects;
mod observed;
mod request_log;

pub use conduct::Conduct;
pub use confined::ConfinedStore;
pub use confined::InvalidName;
pub use durability::Durability;
pub use hold::Hold;
pub use objects::Objects;
pub use observed::ObservedStore;
pub use observed::PutListener;
pub use request_log::Gate;
pub use request_log::Request;
pub use request_log::RequestLog;
pub use request_log::Verb;

pub use confined::ConfinedFiles;
pub use confined::NotRead;
pub use confined::child;
pub use confined::is_odd;
pub use confined::name_of;
pub use confined::spelt;
pub use durability::LocalSync;
pub use e_tag::is_same_e_tag;
