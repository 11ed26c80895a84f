//! Something that was read, or why it is not known.

/// Something that was read, or why it is not known.
pub type Known<T> = Result<T, String>;

/// Why a table or a catalog cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// Why, for people.
    pub reason: String,
    /// Whether it refers to files outside of the root, as in a root that was moved.
    pub is_elsewhere: bool,
}

impl From<&str> for Unread {
    fn from(reason: &str) -> Self {
        Self {
            reason: reason.to_owned(),
            is_elsewhere: false,
        }
    }
}
