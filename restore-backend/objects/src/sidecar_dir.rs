//! The folder of recovery sidecars, `__recovery/`: write, list, read, delete.

mod deletion;
mod entries;
mod error;
mod layout;
mod listing;
mod reading;
mod rewriting;
mod writing;

pub use deletion::{delete_sidecar, make_deletion_durable};
pub use entries::{Entries, SidecarFolder, list_folder};
pub use error::SidecarDirError;
pub use layout::SIDECAR_FOLDER;
pub use listing::{SidecarNames, list_names, list_sidecars};
pub use reading::{StoredSidecar, is_there, read_sidecar, whole};
pub use rewriting::{Rewritten, rewrite_sidecar};
pub use writing::{Created, create_sidecar, write_sidecar};
