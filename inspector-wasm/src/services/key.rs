//! The half of the session that only this page has: the key that goes with every request, beside the browser's cookie.
//!
//! The browser sends the cookie to every port of the host, and no script can read it. The key is kept where only pages of this
//! host and port can read it, so that every tab of the console is logged in. Alone it is worth nothing; it is removed when
//! the session ends.

use web_sys::Storage;

const NAME: &str = "sidecar-inspector-key";

/// The key, if this browser has one for this host and port.
#[must_use]
pub fn current() -> Option<String> {
    storage()?.get_item(NAME).ok()?
}

/// Keeps a key. Returns whether the browser let it.
#[must_use]
pub fn keep(key: &str) -> bool {
    storage().is_some_and(|storage| storage.set_item(NAME, key).is_ok())
}

/// Forgets the key.
pub fn forget() {
    if let Some(storage) = storage() {
        // A failure is ignored: removing a missing key does nothing.
        let _ = storage.remove_item(NAME);
    }
}

fn storage() -> Option<Storage> {
    web_sys::window()?.local_storage().ok()?
}
