//! Only the Lance room mentions Lance or Arrow.

use std::fs;
use std::path::Path;

const ROOM: [&str; 2] = ["lance_room.rs", "lance_room"];
const KEPT_INSIDE: [&str; 9] = [
    "lance::",
    "lance_core",
    "lance_index",
    "lance_io",
    "lance_select",
    "lance_table",
    "arrow_array",
    "arrow_schema",
    "datafusion",
];

#[test]
fn only_the_lance_room_mentions_lance_or_arrow() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut mentions = Vec::new();
    for entry in fs::read_dir(&source).expect("the sources") {
        let entry = entry.expect("an entry");
        let name = entry.file_name();
        if !ROOM.iter().any(|room| name.to_str() == Some(room)) {
            collect(&entry.path(), &mut mentions);
        }
    }
    assert_eq!(mentions, [""; 0]);
}

fn collect(path: &Path, mentions: &mut Vec<String>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("a folder") {
            collect(&entry.expect("an entry").path(), mentions);
        }
        return;
    }
    if path.extension().is_none_or(|extension| extension != "rs") {
        return;
    }
    let text = fs::read_to_string(path).expect("a source file");
    for (index, line) in text.lines().enumerate() {
        // Documentation may show what an adopter writes.
        let is_comment = line.trim_start().starts_with("//");
        if !is_comment && KEPT_INSIDE.iter().any(|inside| line.contains(inside)) {
            mentions.push(format!("{}:{}: {line}", path.display(), index + 1));
        }
    }
}
