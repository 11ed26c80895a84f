//! The HTTP API and the page: thin handlers over the service, behind exact checks of host, origin and session.
//!
//! Nothing here decides anything. A handler finds out which root and which operation is meant and who asks, calls
//! [`crate::service`], and turns the answer into a status. Every error is `application/problem+json`.

mod answer;
mod approvals;
mod assets;
mod audit;
mod connections;
mod console;
mod doctor;
mod ending;
mod execution;
mod executions;
mod failure;
mod follow_ups;
mod guard;
mod health;
mod if_match;
mod login;
mod looks;
mod problem;
mod recoveries;
mod roots;
mod routes;
mod rows;
mod secret;
mod server;
mod session;

pub use console::{Console, LoginLink, ServedRoot};
pub use routes::router;
pub use secret::SecretError;
pub use server::{LinkMaker, ServeError, Server, ServerOptions};

pub use crate::patience::Patience;
