//! Something that was read, or why it is not known.

/// Something that was read, or why it is not known.
pub type Known<T> = Result<T, String>;
