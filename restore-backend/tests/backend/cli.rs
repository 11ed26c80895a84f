//! The program as scripts and people use it: exit codes, documents, and what is on which stream.

mod arguments;
#[cfg(target_os = "linux")]
mod descriptors;
mod doctor;
mod drain;
mod finished;
mod follow_ups;
mod inspect;
mod list;
mod names;
mod older;
mod plan;
mod program;
mod recovery;
mod rows;
mod serve;
mod serving;
mod terminal;
mod unusable;
