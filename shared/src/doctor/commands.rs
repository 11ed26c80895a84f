//! The commands that a report tells a person to type.

use crate::text::shell_word;

/// How commands name one root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Commands {
    /// Its address.
    pub root: String,
    /// Where its sidecars were written, if it was moved since.
    pub relocated_from: Option<String>,
}

impl Commands {
    /// The command that plans what to do about a file or an operation.
    #[must_use]
    pub fn plan(&self, file_or_operation: &str) -> String {
        self.about("plan", file_or_operation)
    }

    /// The command that shows what is on record about an operation.
    #[must_use]
    pub fn audit(&self, operation: &str) -> String {
        self.about("audit", operation)
    }

    /// The command that plans to drop the tags of a recovery.
    #[must_use]
    pub fn release(&self, operation: &str) -> String {
        self.about("release", operation)
    }

    /// The command that lists what is pending.
    #[must_use]
    pub fn list(&self) -> String {
        format!(
            "sidecar-inspector list {}{}",
            shell_word(&self.root),
            self.options()
        )
    }

    fn about(&self, command: &str, subject: &str) -> String {
        let (root, subject, options) =
            (shell_word(&self.root), shell_word(subject), self.options());
        // A name that begins with a dash would pass for an option.
        if subject.starts_with('-') {
            return format!("sidecar-inspector {command} {root}{options} -- {subject}");
        }
        format!("sidecar-inspector {command} {root} {subject}{options}")
    }

    fn options(&self) -> String {
        let moved = self.relocated_from.as_ref();
        moved.map_or_else(String::new, |from| {
            format!(" --relocated-from {}", shell_word(from))
        })
    }
}
