//! The screens.

mod audit;
mod check;
mod header;
mod lone;
mod offline;
mod offline_file;
mod overview;
mod panel;
mod pending;
mod recovery;
mod session_menu;

pub use audit::Audit;
pub use check::Check;
pub use header::header;
pub use lone::{logged_out, no_server, not_found};
pub use offline::Offline;
pub use pending::Pending;
