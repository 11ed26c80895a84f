//! The only code that touches the browser: the server, files, and the document.

pub mod backend;
pub mod dom;
pub mod files;
pub mod key;
