//! The HTTP API: who gets in, what an answer looks like, and that nothing but the approved plan is carried out, once.

mod client;
mod guards;
mod login;
mod recoveries;
mod rows;
mod serving;
mod stuck;
