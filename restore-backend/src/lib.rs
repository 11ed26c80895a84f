//! Observing, planning and recovering roots of Lance tables: everything that touches storage, and the servers around it.
//!
//! Every verdict comes from the `sidecar` crate; this one only looks ([`observe`]) and acts ([`execute`]). The command line and
//! the HTTP API call the same functions, those of [`service`].

pub mod chain;
pub mod cli;
pub mod clock;
pub mod demo;
mod error;
pub mod execute;
pub mod http;
pub mod journal_store;
pub mod lance_room;
pub mod observe;
mod off_thread;
mod patience;
mod pending;
mod planning;
pub mod root;
pub mod schema_files;
pub mod service;
pub mod sidecar_dir;
pub mod store;
pub mod two_phase_writer;
