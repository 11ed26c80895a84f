//! Observing, planning and recovering roots of Lance tables: everything that touches storage, and the servers around it.
//!
//! Every verdict comes from the `sidecar` crate; this one only looks ([`observe`]) and acts ([`execute`]). The command line and
//! the HTTP API call the same functions, those of [`service`].

pub mod cli;
pub mod demo;
mod doctor;
mod error;
pub mod execute;
pub mod http;
pub mod observe;
mod patience;
mod pending;
mod planning;
pub mod root;
pub mod service;
