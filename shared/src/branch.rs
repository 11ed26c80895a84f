//! A branch of the graph, or a Lance branch of a table: main, or one with a name.

use std::fmt;

use crate::ids::OperationId;

const MAIN: &str = "main";

/// Main, or a named branch. Writers spell main as an absent name or as `main`; both are the same branch here.
///
/// It borrows the name. Fields keep the name as it was spelled, because a sidecar has to serialise back to what its writer wrote, and a
/// stored plan that spells main as a name has to be refused as no plan of ours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Branch<'a>(Option<&'a str>);

impl<'a> Branch<'a> {
    /// The branch that a field of a sidecar, a plan or Lance's metadata names.
    #[must_use]
    pub fn of(spelled: Option<&'a str>) -> Self {
        Self(spelled.filter(|name| *name != MAIN))
    }

    /// Whether it is main.
    #[must_use]
    pub const fn is_main(self) -> bool {
        self.0.is_none()
    }

    /// Its name; `None` is main.
    #[must_use]
    pub const fn name(self) -> Option<&'a str> {
        self.0
    }

    /// Its name for a field that owns it; `None` is main.
    #[must_use]
    pub fn owned(self) -> Option<String> {
        self.0.map(str::to_owned)
    }

    /// The branch of the graph that a Lance branch stands for. omnigraph v0.10.0 adds a dot and a ULID, so that a branch that is made
    /// again under its old name is another one: omnigraph RFC 0042.
    #[must_use]
    pub fn without_suffix(self) -> Self {
        let parts = self.0.and_then(|name| name.rsplit_once('.'));
        match parts {
            Some((name, suffix)) if suffix.parse::<OperationId>().is_ok() => Self(Some(name)),
            _ => self,
        }
    }

    /// Its name as people read it: main has one, too.
    #[must_use]
    pub fn text(self) -> &'a str {
        self.0.unwrap_or(MAIN)
    }
}

impl fmt::Display for Branch<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.text())
    }
}

/// What Lance asks of a branch name, as far as it keeps the branch's files inside its dataset.
pub(crate) fn is_branch_name(branch: &str) -> bool {
    let climbs =
        branch.contains("..") || branch.contains('\\') || branch.chars().any(char::is_control);
    !climbs && branch.split('/').all(|segment| !segment.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn main_is_one_branch_however_it_is_spelled() {
        for main in [None, Some("main")] {
            let branch = Branch::of(main);
            assert!(branch.is_main());
            assert_eq!(branch, Branch::default());
            assert_eq!((branch.name(), branch.owned()), (None, None));
            assert_eq!(branch.to_string(), "main");
        }
        let feature = Branch::of(Some("feature/one"));
        assert!(!feature.is_main());
        assert_eq!(feature.name(), Some("feature/one"));
        assert_eq!(feature.to_string(), "feature/one");
        assert_ne!(Branch::of(Some("Main")), Branch::default());
    }
}
