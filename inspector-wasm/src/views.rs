//! The screens.

mod audit;
mod header;
mod missing;
mod offline;
mod offline_file;
mod overview;
mod panel;
mod pending;
mod recovery;

pub use audit::Audit;
pub use header::Header;
pub use missing::{LoggedOut, NoServer, NotFound};
pub use offline::Offline;
pub use pending::Pending;
