//! The page as one file that opens from disk.
//!
//! Browsers give a page from disk neither modules nor requests, so everything is carried along:
//! the glue as a classic script, the module as text. The page's own policy names each script by
//! its digest and allows no request at all.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::asset::gzip;
use crate::digest::sha256;
use crate::error::BuildError;
use crate::inputs;
use crate::layout::Layout;
use crate::module::Module;
use crate::template::fill;

/// The file's name.
pub const NAME: &str = "sidecar-inspector.html";

/// Puts the one file together around a finished module.
pub fn assemble(layout: &Layout, built: &Module) -> Result<String, BuildError> {
    let source = |name: &str| {
        let path = layout.web().join(name);
        fs::read_to_string(&path).map_err(BuildError::file("read", path))
    };
    let glue = script(&built.js);
    let boot = script(&source("single.js")?);
    let style = String::from_utf8_lossy(&inputs::styles(layout)?).into_owned();
    let module = gzip(&built.wasm).map_err(BuildError::file("compress", NAME))?;
    fill(
        "single.html",
        &source("single.html")?,
        &[
            ("icon", &STANDARD.encode(source("icon.svg")?)),
            ("style", &style),
            ("style-hash", &hash(&style)),
            ("module", &STANDARD.encode(module)),
            ("glue", &glue),
            ("glue-hash", &hash(&glue)),
            ("boot", &boot),
            ("boot-hash", &hash(&boot)),
        ],
    )
}

/// A script as it may stand within a page, where an end tag ends it even inside a string.
fn script(source: &str) -> String {
    source
        .replace("</script", "<\\/script")
        .replace("<!--", "<\\!--")
}

/// How a content security policy names an inline script or style.
fn hash(content: &str) -> String {
    format!("sha256-{}", STANDARD.encode(sha256(content.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::{hash, script};

    #[test]
    fn no_script_ends_early() {
        assert_eq!(script("f('</script>')"), "f('<\\/script>')");
    }

    #[test]
    fn hashes_are_as_a_policy_spells_them() {
        assert_eq!(
            hash(""),
            "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
        );
    }
}
