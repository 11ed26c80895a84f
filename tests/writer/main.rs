//! A program that writes to a store while somebody recovers it, and fills folders with sidecars: the other side of the journeys.

use std::path::Path;
use std::process::ExitCode;

use fenced_lance::{LanceRoot, LanceRootOptions, Row, TableLocation};
use root_objects::store::Durability;

const USAGE: &str = "e2e-writer append ROOT LOCATION | e2e-writer sidecars ROOT LIKE.json COUNT";

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        ["append", root, location] => append(root, location).await,
        ["sidecars", root, like, count] => sidecars(Path::new(root), like, count),
        _ => Err(USAGE.into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            drop(std::io::Write::write_all(
                &mut std::io::stderr(),
                format!("{error}\n").as_bytes(),
            ));
            ExitCode::FAILURE
        }
    }
}

/// Commits one row to a table, as any program that knows nothing of recoveries may do.
async fn append(root: &str, location: &str) -> Result<(), Box<dyn std::error::Error>> {
    let options = LanceRootOptions {
        durability: Durability::Relaxed,
        ..LanceRootOptions::default()
    };
    let lance = LanceRoot::open(root, options).await?;
    lance
        .append_rows(
            &TableLocation::main(location),
            &[Row::new("late", "committed by somebody else", 1)],
        )
        .await?;
    Ok(())
}

/// Puts copies of a sidecar beside it, each an operation of its own.
fn sidecars(root: &Path, like: &str, count: &str) -> Result<(), Box<dyn std::error::Error>> {
    let folder = root.join("__recovery");
    let text = std::fs::read_to_string(folder.join(like))?;
    let operation = like.trim_end_matches(".json");
    for number in 0..count.parse::<u64>()? {
        let other = format!("{}{number:016}", &operation[..10]);
        std::fs::write(
            folder.join(format!("{other}.json")),
            text.replace(operation, &other),
        )?;
    }
    Ok(())
}
