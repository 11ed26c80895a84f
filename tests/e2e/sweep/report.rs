//! What the sweeps did, in numbers.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::{LazyLock, Mutex, PoisonError};

/// Where `make test` finds what was said, which the tests' own output is not shown of.
static SAID: LazyLock<Mutex<File>> = LazyLock::new(|| {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sweep.txt");
    Mutex::new(File::create(path).unwrap())
});

/// Says what a sweep did: in a file that `make test` prints, and with `cargo test -- --nocapture` right away.
#[expect(
    clippy::print_stdout,
    reason = "how many runs there were is part of the result"
)]
pub fn say(what: &str) {
    println!("sweep: {what}");
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    writeln!(said, "{what}").unwrap();
}
