//! The commands that a report tells a person to type.

use crate::code::{Requirement, StatedBy};
use crate::digest::Digest;
use crate::text::shell_word;

/// Stands in a command for an address that a person has to fill in.
const OLD_ROOT: &str = "OLD_ROOT";

/// How commands name one root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Commands {
    /// Its address.
    pub root: String,
    /// Where its sidecars were written, if it was moved since.
    pub relocated_from: Option<String>,
    /// From which age sidecars are executable, if not from the usual one: `0s`.
    pub min_age: Option<String>,
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

    /// The command that plans to set a file aside.
    #[must_use]
    pub fn dismiss(&self, file_or_operation: &str) -> String {
        self.about("dismiss", file_or_operation)
    }

    /// The command that approves a plan, with what the approver has to fill in.
    #[must_use]
    pub fn approve(&self, operation: &str, digest: Digest, requires: &[Requirement]) -> String {
        let statements: String = requires.iter().map(|it| statement(*it)).collect();
        let command = self.about("approve", operation);
        format!("{command} --digest {digest} --as NAME{statements}")
    }

    /// The command that carries a plan out.
    #[must_use]
    pub fn apply(&self, operation: &str, digest: Digest) -> String {
        format!("{} --digest {digest}", self.about("apply", operation))
    }

    /// The command that lists what is pending.
    #[must_use]
    pub fn list(&self) -> String {
        self.of_root("list")
    }

    /// The command that plans everything that is pending.
    #[must_use]
    pub fn drain(&self) -> String {
        self.of_root("drain")
    }

    /// The command that says what is not in order.
    #[must_use]
    pub fn doctor(&self) -> String {
        self.of_root("doctor")
    }

    /// The same commands for a root that was moved, with `OLD_ROOT` in the place of its former address; `None` where that
    /// address was given.
    #[must_use]
    pub fn relocated(&self) -> Option<Self> {
        self.relocated_from.is_none().then(|| Self {
            relocated_from: Some(OLD_ROOT.to_owned()),
            ..self.clone()
        })
    }

    fn of_root(&self, command: &str) -> String {
        let (root, options) = (shell_word(&self.root), self.options());
        format!("sidecar-inspector {command} {root}{options}")
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
        let given = [
            ("--relocated-from", &self.relocated_from),
            ("--min-age", &self.min_age),
        ];
        let given = given.into_iter().filter_map(|(option, value)| {
            let value = value.as_deref()?;
            Some(format!(" {option} {}", shell_word(value)))
        });
        given.collect()
    }
}

/// The argument of `approve` by which a requirement is stated.
#[must_use]
pub fn statement(requirement: Requirement) -> String {
    match requirement.stated_by() {
        StatedBy::WritersStopped => " --writers-stopped".to_owned(),
        StatedBy::Reason => " --reason TEXT".to_owned(),
        StatedBy::ItsName => format!(" --acknowledge {requirement}"),
    }
}
