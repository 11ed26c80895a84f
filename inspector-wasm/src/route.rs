//! The addresses of the page's screens, after the `#`.
//!
//! Routes are recognised by `yew-router`, but its `HashRouter` is not used: it takes a page apart
//! on a hash that does not start with `/`, and on `file:///C:/…` it sees every route as `/C:/…`.

use yew_router::Routable;

/// One screen.
#[derive(Debug, Clone, PartialEq, Eq, Routable)]
pub enum Route {
    /// Wherever a visit starts: the first root, or the offline screen where there is no server.
    #[at("/")]
    Start,
    /// Everything pending in one root.
    #[at("/pending/:root")]
    Pending {
        /// Name of the root.
        root: String,
    },
    /// One pending recovery.
    #[at("/pending/:root/:operation")]
    Recovery {
        /// Name of the root.
        root: String,
        /// Operation id, or file name where there is none.
        operation: String,
    },
    /// The journals of one root.
    #[at("/audit/:root")]
    Audit {
        /// Name of the root.
        root: String,
    },
    /// One journal.
    #[at("/audit/:root/:operation")]
    Record {
        /// Name of the root.
        root: String,
        /// The operation.
        operation: String,
    },
    /// Files looked at without a server.
    #[at("/offline")]
    Offline,
    /// One of them.
    #[at("/offline/:number")]
    OfflineFile {
        /// Its position in the list.
        number: usize,
    },
    /// Nothing is here.
    #[not_found]
    #[at("/not-found")]
    NotFound,
}

impl Route {
    /// The screen that a location's hash names.
    #[must_use]
    pub fn of_hash(hash: &str) -> Self {
        match hash.trim_start_matches('#') {
            "" => Self::Start,
            path => Self::recognize(path).unwrap_or_default(),
        }
    }

    /// What a link to it refers to.
    #[must_use]
    pub fn href(&self) -> String {
        format!("#{}", self.to_path())
    }

    /// The root it shows, if it shows one.
    #[must_use]
    pub fn root(&self) -> Option<&str> {
        match self {
            Self::Pending { root }
            | Self::Recovery { root, .. }
            | Self::Audit { root }
            | Self::Record { root, .. } => Some(root),
            Self::Start | Self::Offline | Self::OfflineFile { .. } | Self::NotFound => None,
        }
    }

    /// The same kind of screen for another root.
    #[must_use]
    pub fn with_root(&self, root: String) -> Self {
        match self {
            Self::Audit { .. } | Self::Record { .. } => Self::Audit { root },
            _ => Self::Pending { root },
        }
    }

    /// Whether it shows one thing of a list; on a narrow screen that takes the list's place.
    #[must_use]
    pub const fn is_detail(&self) -> bool {
        matches!(
            self,
            Self::Recovery { .. } | Self::Record { .. } | Self::OfflineFile { .. }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_comes_back_from_its_address() {
        let root = || "prod graphs/ä".to_owned();
        let operation = || "old import #1?.json".to_owned();
        for route in [
            Route::Start,
            Route::Pending { root: root() },
            Route::Recovery { root: root(), operation: operation() },
            Route::Audit { root: root() },
            Route::Record { root: root(), operation: operation() },
            Route::Offline,
            Route::OfflineFile { number: 9_999 },
        ] {
            assert_eq!(Route::of_hash(&route.href()), route, "{}", route.href());
        }
    }

    #[test]
    fn anything_else_is_not_found_and_nothing_is_the_start() {
        assert_eq!(Route::of_hash(""), Route::Start);
        assert_eq!(Route::of_hash("#"), Route::Start);
        for hash in ["#x", "#/x", "#/offline/x", "#/pending", "#/pending/a/b/c"] {
            assert_eq!(Route::of_hash(hash), Route::NotFound, "{hash}");
        }
    }
}
