//! The addresses of the page's screens, after the `#`.
//!
//! They are read and written here, without yew-router. Its `HashRouter` panics on every address whose hash does not start with
//! `/`, and a login link that is opened in an open page has one: `#token=…`. On `file:///C:/…` it sees every route below `/C:/`,
//! and links and keyboard focus would still be ours. Measured with yew-router 0.20: 100 lines less here, and the module grows
//! from 371 to 390 kB after brotli, of the 400 kB it had then.

use std::fmt::Write as _;

use crate::state::listing::Sort;

/// Last part of the address where a sidecar is set aside.
const DISMISSAL: &str = "dismissal";
/// Last part of the address that also shows the list before an upgrade.
const UPGRADE: &str = "upgrade";
/// Last part of the address that plans a roll back instead of the verdict's roll forward.
const ROLL_BACK: &str = "roll-back";

/// One screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// Wherever a visit starts: the first root, or the offline screen where there is no server.
    Start,
    /// Everything pending in one root.
    Pending {
        /// Name of the root.
        root: String,
    },
    /// One pending recovery.
    Recovery {
        /// Name of the root.
        root: String,
        /// Operation id, or file name where there is none.
        operation: String,
    },
    /// Rolling one pending recovery back, where the verdict would roll it forward.
    RollBack {
        /// Name of the root.
        root: String,
        /// Operation id.
        operation: String,
    },
    /// Setting the sidecar of one pending recovery aside.
    Dismissal {
        /// Name of the root.
        root: String,
        /// Operation id, or file name where there is none.
        operation: String,
    },
    /// What is not in order in one root.
    Check {
        /// Name of the root.
        root: String,
        /// Whether the list before an upgrade is shown too.
        upgrade: bool,
    },
    /// The journals of one root.
    Audit {
        /// Name of the root.
        root: String,
    },
    /// One journal.
    Record {
        /// Name of the root.
        root: String,
        /// The operation.
        operation: String,
    },
    /// Files looked at without a server.
    Offline,
    /// One of them.
    OfflineFile {
        /// Its position in the list.
        number: usize,
    },
    /// Nothing is here.
    NotFound,
}

impl Route {
    /// The screen that a location's hash names.
    #[must_use]
    pub fn of_hash(hash: &str) -> Self {
        let (path, _) = parted(hash);
        let path = path.trim_start_matches('#').trim_matches('/');
        let parts: Option<Vec<String>> = path.split('/').map(decoded).collect();
        let Some(parts) = parts else {
            return Self::NotFound;
        };
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        match *parts.as_slice() {
            [""] => Self::Start,
            // A login link leads to the screen where every visit starts.
            [token] if token.starts_with("token=") => Self::Start,
            ["pending", root] => Self::Pending {
                root: root.to_owned(),
            },
            ["pending", root, operation] => Self::Recovery {
                root: root.to_owned(),
                operation: operation.to_owned(),
            },
            ["pending", root, operation, ROLL_BACK] => Self::RollBack {
                root: root.to_owned(),
                operation: operation.to_owned(),
            },
            ["pending", root, operation, DISMISSAL] => Self::Dismissal {
                root: root.to_owned(),
                operation: operation.to_owned(),
            },
            ["check", root] => Self::Check {
                root: root.to_owned(),
                upgrade: false,
            },
            ["check", root, UPGRADE] => Self::Check {
                root: root.to_owned(),
                upgrade: true,
            },
            ["audit", root] => Self::Audit {
                root: root.to_owned(),
            },
            ["audit", root, operation] => Self::Record {
                root: root.to_owned(),
                operation: operation.to_owned(),
            },
            ["offline"] => Self::Offline,
            ["offline", number] => number
                .parse()
                .map_or(Self::NotFound, |number| Self::OfflineFile { number }),
            _ => Self::NotFound,
        }
    }

    /// The target of a link to it.
    #[must_use]
    pub fn href(&self) -> String {
        match self {
            Self::Start => "#/".to_owned(),
            Self::Pending { root } => format!("#/pending/{}", encoded(root)),
            Self::Recovery { root, operation } => {
                format!("#/pending/{}/{}", encoded(root), encoded(operation))
            }
            Self::RollBack { root, operation } => format!(
                "#/pending/{}/{}/{ROLL_BACK}",
                encoded(root),
                encoded(operation)
            ),
            Self::Dismissal { root, operation } => format!(
                "#/pending/{}/{}/{DISMISSAL}",
                encoded(root),
                encoded(operation)
            ),
            Self::Check { root, upgrade } => {
                let check = format!("#/check/{}", encoded(root));
                if *upgrade {
                    format!("{check}/{UPGRADE}")
                } else {
                    check
                }
            }
            Self::Audit { root } => format!("#/audit/{}", encoded(root)),
            Self::Record { root, operation } => {
                format!("#/audit/{}/{}", encoded(root), encoded(operation))
            }
            Self::Offline => "#/offline".to_owned(),
            Self::OfflineFile { number } => format!("#/offline/{number}"),
            Self::NotFound => "#/not-found".to_owned(),
        }
    }

    /// The root it shows, if it shows one.
    #[must_use]
    pub fn root(&self) -> Option<&str> {
        match self {
            Self::Pending { root }
            | Self::Recovery { root, .. }
            | Self::RollBack { root, .. }
            | Self::Dismissal { root, .. }
            | Self::Check { root, .. }
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
            Self::Check { .. } => Self::Check {
                root,
                upgrade: false,
            },
            Self::Start
            | Self::Pending { .. }
            | Self::Recovery { .. }
            | Self::RollBack { .. }
            | Self::Dismissal { .. }
            | Self::Offline
            | Self::OfflineFile { .. }
            | Self::NotFound => Self::Pending { root },
        }
    }
}

/// An address after the `#`, parted into the screen and how its list is arranged; names have no bare `?` in it.
#[must_use]
pub fn parted(hash: &str) -> (&str, &str) {
    hash.split_once('?').unwrap_or((hash, ""))
}

/// How a list is arranged: the filter, and the order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Arranged {
    /// The filter.
    pub query: String,
    /// The order.
    pub sort: Sort,
}

impl Arranged {
    /// Reads the part of an address after its `?`; what is not known is left out.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut arranged = Self::default();
        for (name, value) in text.split('&').filter_map(|part| part.split_once('=')) {
            match (name, decoded(value)) {
                ("find", Some(query)) => arranged.query = query,
                ("order", Some(name)) => {
                    let mut sorts = Sort::ALL.into_iter();
                    arranged.sort = sorts.find(|sort| sort.name() == name).unwrap_or_default();
                }
                _ => {}
            }
        }
        arranged
    }

    /// The part of an address after its `?`; empty for no filter and the usual order.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        if !self.query.is_empty() {
            text = format!("find={}", encoded(&self.query));
        }
        if self.sort != Sort::default() {
            let and = if text.is_empty() { "" } else { "&" };
            text.push_str(&format!("{and}order={}", self.sort.name()));
        }
        text
    }
}

/// Everything but letters, digits and `-_.~` as `%XX`.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Undoes [`encoded`]; `None` if the result is no text.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' {
            let (high, low) = (
                char::from(rest.next()?).to_digit(16)?,
                char::from(rest.next()?).to_digit(16)?,
            );
            u8::try_from(high * 16 + low).ok()?
        } else {
            byte
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_comes_back_from_its_address() {
        let root = || "prod graphs/ä%".to_owned();
        let operation = || "old import #1?.json".to_owned();
        for route in [
            Route::Start,
            Route::Pending { root: root() },
            Route::Recovery {
                root: root(),
                operation: operation(),
            },
            Route::RollBack {
                root: root(),
                operation: operation(),
            },
            Route::Dismissal {
                root: root(),
                operation: operation(),
            },
            Route::Check {
                root: root(),
                upgrade: false,
            },
            Route::Check {
                root: root(),
                upgrade: true,
            },
            Route::Audit { root: root() },
            Route::Record {
                root: root(),
                operation: operation(),
            },
            Route::Offline,
            Route::OfflineFile { number: 9_999 },
        ] {
            assert_eq!(Route::of_hash(&route.href()), route, "{}", route.href());
        }
    }

    #[test]
    fn a_list_is_arranged_as_its_address_says() {
        for (query, sort) in [
            ("", Sort::OldestFirst),
            ("", Sort::Actor),
            ("ada -refused age>1h", Sort::OldestFirst),
            ("a&order=b?#%=ä", Sort::NewestFirst),
        ] {
            let arranged = Arranged {
                query: query.to_owned(),
                sort,
            };
            let hash = format!("#/pending/shop?{}", arranged.text());
            let (screen, text) = parted(&hash);
            assert_eq!(Arranged::of(text), arranged, "{hash}");
            assert_eq!(Route::of_hash(&hash), Route::of_hash(screen));
            assert!(matches!(Route::of_hash(&hash), Route::Pending { root } if root == "shop"));
        }
        assert_eq!(Arranged::of("find=%zz&order=x&y"), Arranged::default());
        assert_eq!(Arranged::default().text(), "");
    }

    #[test]
    fn anything_else_is_not_found_and_nothing_is_the_start() {
        for hash in ["", "#", "#/", "#//", "#token=0123"] {
            assert_eq!(Route::of_hash(hash), Route::Start, "{hash}");
        }
        for hash in [
            "#x",
            "#/x",
            "#/offline/x",
            "#/pending",
            "#/pending/a/b/c",
            "#/pending/a/b/dismissal/c",
            "#/check",
            "#/check/a/b",
            "#/pending/%",
            "#/pending/%ff",
            "#/pending/%zz",
        ] {
            assert_eq!(Route::of_hash(hash), Route::NotFound, "{hash}");
        }
    }
}
