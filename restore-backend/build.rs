//! Tells the server whether there is a page to take in. The page itself is built by `web`.

use std::path::Path;

fn main() {
    println!("cargo::rustc-check-cfg=cfg(page_built)");
    if Path::new("../web/dist/assets.rs").is_file() {
        println!("cargo::rustc-cfg=page_built");
        println!("cargo::rerun-if-changed=../web/dist/assets.rs");
    } else {
        // A path that does not exist would make every build run this again; the folder in which
        // the page will appear says so without that.
        println!("cargo::rerun-if-changed=../web");
    }
}
