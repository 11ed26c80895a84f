//! Errors with everything that caused them, in one line.

pub use sidecar::error_text::text;
