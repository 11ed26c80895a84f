//! The rules of the house that a compiler does not check.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::read::GzDecoder;
use serde_json::Value;

fn house() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for path in files_below(folder) {
        if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
    assert!(!found.is_empty(), "no sources in {}", folder.display());
    found
}

/// Every file below a folder, but not what is built there.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    const BUILT: [&str; 3] = ["target", "node_modules", "web/dist"];
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if !path.is_dir() {
            found.push(path);
        } else if !BUILT.iter().any(|built| path.ends_with(built)) {
            found.extend(files_below(&path));
        }
    }
    found
}

/// Code without comments, so that prose may name what code may not.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
}

/// The names in a line of code: `fenced_lance::Row` has two, and neither is `lance`.
fn names(line: &str) -> impl Iterator<Item = &str> {
    line.split(|letter: char| !letter.is_alphanumeric() && letter != '_')
}

/// The crates that a package's code is compiled with, by name.
fn crates_of(package: &str) -> BTreeSet<String> {
    let output = cargo("tree")
        .args([
            "--prefix=none",
            "--format={p}",
            "--edges=normal,build",
            "--package",
            package,
        ])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let tree = String::from_utf8(output.stdout).unwrap();
    let names = tree.lines().filter_map(|line| line.split(' ').next());
    names.map(str::to_owned).collect()
}

/// What cargo says of the packages of this workspace.
fn packages(arguments: &[&str]) -> Vec<Value> {
    let output = cargo("metadata")
        .arg("--format-version=1")
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

/// The program has Lance through one package. `tests/engine-check` is no part of the workspace, and has the engine's own Lance.
#[test]
fn only_fenced_lance_and_tests_name_lance_or_arrow_among_their_dependencies() {
    let is_of_lance = |name: &str| {
        ["lance", "arrow", "datafusion"].iter().any(|family| {
            let rest = name.strip_prefix(family);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        })
    };
    let packages = packages(&["--no-deps"]);
    let mut naming = BTreeSet::new();
    for package in &packages {
        for dependency in package["dependencies"].as_array().unwrap() {
            if is_of_lance(dependency["name"].as_str().unwrap()) {
                let kind = dependency["kind"].as_str().unwrap_or("normal");
                naming.insert((package["name"].as_str().unwrap(), kind));
            }
        }
    }
    let wanted = [
        ("crashed-roots", "normal"),
        ("e2e", "normal"),
        ("fenced-lance", "normal"),
        ("two-phase-writer", "dev"),
    ];
    assert_eq!(naming, BTreeSet::from(wanted));
}

/// Which finding is an obstacle, and under which code, is a rule of `shared`. A failed read is none: `Reason::unreadable` says it.
#[test]
fn only_the_rules_say_why_something_is_refused_or_blocked() {
    for folder in ["restore-backend", "inspector-wasm"] {
        let mut looked_at = 0;
        for (path, text) in sources(&house().join(folder)) {
            let (shipped, _) = text.split_once("#[cfg(test)]").unwrap_or((&text, ""));
            if path.components().any(|part| part.as_os_str() == "tests") {
                continue;
            }
            looked_at += 1;
            let makes_a_reason = |line: &&str| {
                line.contains("Reason::new(") || line.trim_start().starts_with("Reason {")
            };
            let made = code(shipped).find(makes_a_reason);
            assert_eq!(made, None, "{}", path.display());
        }
        assert!(looked_at > 50, "{folder} has {looked_at} files");
    }
}

#[test]
fn the_objects_of_a_root_are_built_without_lance_and_the_writer_without_the_server() {
    let objects = crates_of("root-objects");
    assert!(objects.contains("object_store"), "{objects:?}");
    assert!(!objects.contains("lance"), "{objects:?}");
    let writer = crates_of("two-phase-writer");
    assert!(writer.contains("lance"), "{writer:?}");
    for of_the_server in ["axum", "clap"] {
        assert!(!writer.contains(of_the_server), "{of_the_server}");
    }
}

#[test]
fn only_the_services_of_the_page_call_the_browser_and_only_hooks_beside_them_set_timers() {
    let page = house().join("inspector-wasm/src");
    let mut met = BTreeSet::new();
    for (path, text) in sources(&page) {
        let is_service = path.starts_with(page.join("services"));
        let is_hook = path.starts_with(page.join("hooks"));
        // It exports the functions that scripts call.
        let is_library = path == page.join("lib.rs");
        for name in code(&text).flat_map(names) {
            let (family, allowed) = match name {
                "web_sys" | "js_sys" => (name, is_service),
                "wasm_bindgen" => (name, is_service || is_library),
                _ if name.starts_with("gloo_") => ("gloo_", is_service || is_hook),
                _ => continue,
            };
            assert!(allowed, "{} uses {name}", path.display());
            met.insert(family.to_owned());
        }
    }
    let all = ["gloo_", "js_sys", "wasm_bindgen", "web_sys"];
    assert!(met.iter().eq(&all), "{met:?}");
}

#[test]
fn only_shared_calls_the_functions_that_classify_and_decide() {
    const VERDICTS: [&str; 3] = ["classify_table(", "classify_table_for(", " decide("];
    let calls = |text: &str, word: &str| code(text).any(|line| line.contains(word));
    let shared = sources(&house().join("shared/src"));
    for word in VERDICTS {
        assert!(
            shared.iter().any(|(_, text)| calls(text, word)),
            "{word} is called otherwise by now"
        );
    }
    for folder in [
        "restore-backend/src",
        "restore-backend/objects/src",
        "restore-backend/fenced-lance/src",
        "restore-backend/two-phase-writer/src",
        "inspector-wasm/src",
        "web/src",
    ] {
        for (path, text) in sources(&house().join(folder)) {
            for word in VERDICTS {
                assert!(
                    !calls(&text, word),
                    "{} has a second opinion: {word}",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn the_top_level_is_the_house_and_nothing_else() {
    let committed = ["ls-tree", "--name-only", "-d", "-z", "HEAD"];
    let mut folders = listed_by_git(&committed).unwrap_or_else(|| {
        let entries = std::fs::read_dir(house()).unwrap().map(Result::unwrap);
        entries
            .filter(|entry| entry.path().is_dir() && entry.file_name() != "target")
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect()
    });
    folders.retain(|name| !name.starts_with('.'));
    folders.sort_unstable();
    let wanted = [
        "inspector-wasm",
        "restore-backend",
        "shared",
        "tests",
        "web",
    ];
    assert_eq!(folders, wanted);
}

/// Every file that git tracks or would track. In a source archive there is no git, and every file is one of them.
fn files_of_the_house() -> Vec<String> {
    let tracked = [
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ];
    let mut names = listed_by_git(&tracked).unwrap_or_else(|| {
        let files = files_below(&house());
        let names = files.iter().map(|path| path.strip_prefix(house()).unwrap());
        names
            .map(|name| name.to_str().unwrap().to_owned())
            .collect()
    });
    // A file that was deleted stays listed until that is committed.
    names.retain(|name| house().join(name).is_file());
    assert!(names.len() > 1_000, "{} files", names.len());
    names
}

/// The names that a git command lists. `None` where there is no git or no history.
fn listed_by_git(arguments: &[&str]) -> Option<Vec<String>> {
    if !house().join(".git").exists() {
        return None;
    }
    let output = Command::new("git")
        .arg("-C")
        .arg(house())
        .args(arguments)
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {said}");
    let names = String::from_utf8(output.stdout).unwrap();
    Some(names.split_terminator('\0').map(str::to_owned).collect())
}

/// Files that may name a path of one machine, and how that path begins.
const EXAMPLES: [(&str, &str); 2] = [
    // Lance's errors end in such a path, and this file cuts it off.
    ("shared/src/text.rs", "/root/"),
    ("tests/e2e/tidy.rs", "/home/"),
];

#[test]
fn no_file_names_a_path_of_one_machine() {
    let mut found = Vec::new();
    for name in files_of_the_house() {
        let path = house().join(&name);
        let paths = match name.ends_with(".tar.gz") {
            true => {
                let mut files = Vec::new();
                GzDecoder::new(File::open(&path).unwrap())
                    .read_to_end(&mut files)
                    .unwrap();
                paths_of_a_machine(&files, |_| true)
            }
            false => paths_of_a_machine(&std::fs::read(&path).unwrap(), begins_a_path),
        };
        found.extend(
            paths
                .into_iter()
                .filter(|path| {
                    !EXAMPLES
                        .iter()
                        .any(|(file, beginning)| name == *file && path.starts_with(beginning))
                })
                .map(|path| format!("{name}: {path}")),
        );
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// Every path below a home or a temporary folder. `begins` says whether a path can begin after a byte.
fn paths_of_a_machine(bytes: &[u8], begins: impl Fn(u8) -> bool) -> Vec<String> {
    const FOLDERS: [&str; 4] = ["/home/", "/root/", "/tmp/", "/Users/"];
    let is_of_a_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    let mut found = Vec::new();
    let slashes = (0..bytes.len()).filter(|at| bytes[*at] == b'/');
    for at in slashes.filter(|at| *at == 0 || begins(bytes[at - 1])) {
        let rest = &bytes[at..];
        let below = |folder: &&str| {
            rest.strip_prefix(folder.as_bytes())
                .is_some_and(|name| name.first().is_some_and(is_of_a_name))
        };
        if FOLDERS.iter().any(below) {
            let path = rest
                .iter()
                .take_while(|byte| is_of_a_name(byte) || **byte == b'/');
            found.push(path.map(|byte| char::from(*byte)).collect());
        }
    }
    found
}

/// Whether a path in a text can begin after this byte: `$(TARGET)/tmp/sweep.txt` and `…/tmp/x` go on there. In the binary files
/// of an archive the byte before a path may be its length, so it says nothing.
fn begins_a_path(before: u8) -> bool {
    !before.is_ascii_alphanumeric() && before.is_ascii() && !b"._-)}]~*".contains(&before)
}

#[test]
fn a_path_of_one_machine_is_told_from_others() {
    let found = |text: &str| paths_of_a_machine(text.as_bytes(), begins_a_path);
    let home = "/home/somebody/x";
    for text in [
        home.to_owned(),
        format!("in {home}, line 3"),
        format!("\"file://{home}\""),
    ] {
        assert_eq!(found(&text), [home]);
    }
    for text in ["`/home/`", "$(TARGET)/tmp/x", "/srv/root/x", "…/tmp/x"] {
        assert_eq!(found(text), [""; 0], "{text}");
    }
}

/// The packages of which Lance is a part, which the Makefile builds together.
const SERVER: [&str; 6] = [
    "root-objects",
    "fenced-lance",
    "two-phase-writer",
    "restore-backend",
    "crashed-roots",
    "e2e",
];

/// Compiling Lance takes a quarter of an hour. Packages that are built together get the union of the features they ask for, so
/// one that asks for more than the program does would have Lance compiled once more.
#[test]
fn lance_is_compiled_once_for_the_program_and_all_tests_of_it() {
    let crates = |packages: &[&str], edges: &str| -> BTreeSet<String> {
        let output = cargo("tree")
            .args(["--prefix=none", "--format={p} {f}", "--edges", edges])
            .args(packages.iter().flat_map(|name| ["--package", name]))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let tree = String::from_utf8(output.stdout).unwrap();
        tree.lines()
            // Written behind a crate whose own dependencies were listed before.
            .map(|line| line.trim_end_matches(" (*)").to_owned())
            .collect()
    };
    let all = crates(&SERVER, "normal,build,dev");
    for (package, edges) in [
        ("restore-backend", "normal,build"),
        ("restore-backend", "normal,build,dev"),
        ("e2e", "normal,build,dev"),
    ] {
        let alone = crates(&[package], edges);
        let otherwise: Vec<_> = alone.difference(&all).collect();
        assert!(otherwise.is_empty(), "{package} alone: {otherwise:#?}");
    }
}

/// A command of cargo about this workspace that downloads nothing.
fn cargo(command: &str) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args([command, "--locked", "--offline"])
        .current_dir(house());
    cargo
}

/// With an older Rust than a dependency asks for, nothing compiles, whatever `rust-version` in Cargo.toml promises.
#[test]
fn no_dependency_asks_for_a_newer_rust_than_the_workspace() {
    // Packages of other platforms need not have been downloaded.
    let packages = packages(&["--filter-platform", "host-tuple"]);
    let minor = |package: &Value| -> Option<u32> {
        let version = package["rust_version"].as_str()?;
        version.split('.').nth(1)?.parse().ok()
    };
    let ours = packages.iter().find(|package| package["name"] == "sidecar");
    let ours = minor(ours.unwrap()).unwrap();
    let newer: Vec<&Value> = packages
        .iter()
        .filter(|package| minor(package) > Some(ours))
        .map(|package| &package["name"])
        .collect();
    assert!(newer.is_empty(), "newer than 1.{ours}: {newer:?}");
}

/// The lines of a manifest's tables of lints, by tool. `table` is how their headers begin.
fn lints<'a>(manifest: &'a str, table: &str) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
    let mut found: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut tool = None;
    for line in manifest.lines() {
        if line.starts_with('[') {
            tool = line
                .strip_prefix(table)
                .and_then(|rest| rest.strip_suffix(']'));
        } else if let Some(tool) = tool
            && !line.is_empty()
            && !line.starts_with('#')
        {
            found.entry(tool).or_default().insert(line);
        }
    }
    found
}

/// `tests/engine-check` is no part of the workspace, so its manifests repeat the lints.
#[test]
fn the_manifests_of_the_engine_check_have_the_lints_of_the_workspace() {
    let read = |path: &Path| std::fs::read_to_string(path).unwrap();
    let workspace = read(&house().join("Cargo.toml"));
    let wanted = lints(&workspace, "[workspace.lints.");
    assert!(wanted.keys().eq(&["clippy", "rust"]), "{wanted:?}");
    let mut manifests = files_below(&house().join("tests/engine-check"));
    manifests.retain(|path| path.ends_with("Cargo.toml"));
    assert_eq!(manifests.len(), 3, "{manifests:?}");
    for path in manifests {
        let manifest = read(&path);
        assert_eq!(lints(&manifest, "[lints."), wanted, "{}", path.display());
    }
}

/// A defect that is planted is a few lines of the product, and the name of a test. Both move: `make test-planted` compiles for
/// half an hour, and this finds out in a moment whether it would find them.
#[test]
fn every_planted_defect_has_its_place_and_its_test() {
    let mut names = files_of_the_house();
    names.retain(|name| name.ends_with(".rs"));
    let read = |name: &String| std::fs::read_to_string(house().join(name)).ok();
    let trimmed =
        |text: String| -> Vec<String> { text.lines().map(|line| line.trim().to_owned()).collect() };
    // As in tests/planted/run.mjs.
    let is_product =
        |name: &str| !name.starts_with("web/") && !name.split('/').any(|part| part == "tests");
    let product: Vec<Vec<String>> = names
        .iter()
        .filter(|name| is_product(name))
        .filter_map(read)
        .map(trimmed)
        .collect();
    let planted = std::fs::read_to_string(house().join("tests/planted/defects.json")).unwrap();
    let planted: Value = serde_json::from_str(&planted).unwrap();
    let mut wrong = Vec::new();
    for defect in planted["defects"].as_array().unwrap() {
        let told = &defect["defect"];
        for edit in defect["edits"].as_array().unwrap() {
            let lines: Vec<&str> = edit["find"]
                .as_array()
                .unwrap()
                .iter()
                .map(|line| line.as_str().unwrap().trim())
                .collect();
            let places = product
                .iter()
                .flat_map(|source| source.windows(lines.len()))
                .filter(|window| *window == lines.as_slice());
            let places = places.count();
            if places != 1 {
                wrong.push(format!(
                    "{told}: at {places} places of the product: {lines:#?}"
                ));
            }
        }
        let folder = planted["suites"][defect["suite"].as_str().unwrap()]["tests"].as_str();
        let folder = folder.expect("a suite that says where its tests are");
        let test = defect["test"].as_str().unwrap();
        let (module, name) = test.rsplit_once("::").unwrap_or(("main", test));
        let module = format!("{folder}/{}", module.replace("::", "/"));
        // Unit tests stand in the file they test, or in one of their own.
        let tested = module.trim_end_matches("/tests");
        let files = [
            format!("{module}.rs"),
            format!("{module}/mod.rs"),
            format!("{tested}.rs"),
        ];
        let begins = [format!("fn {name}("), format!("async fn {name}(")];
        let is_there = names
            .iter()
            .filter(|file| files.contains(file))
            .filter_map(read)
            .any(|text| {
                trimmed(text)
                    .iter()
                    .any(|line| begins.iter().any(|begin| line.starts_with(begin)))
            });
        if !is_there {
            wrong.push(format!("{told}: there is no test {name} in {module}.rs"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let items: BTreeSet<u64> = planted["defects"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|defect| defect["item"].as_u64())
        .collect();
    assert!(
        items.into_iter().eq(1..=28),
        "every item of the list is planted"
    );
}

/// The documents that name paths of this repository.
const DOCUMENTS: [&str; 5] = [
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "PROTOCOL.md",
    "README.md",
    "tests/README.md",
];

/// Files of other programs that they name.
const OF_OTHERS: [&str; 1] = ["db/manifest/recovery.rs"];

#[test]
fn every_path_that_a_document_names_exists() {
    let mut there = Vec::new();
    for folder in FOLDERS {
        entries(&house(), folder, &mut there);
    }
    let mut missing = Vec::new();
    for document in DOCUMENTS {
        let text = std::fs::read_to_string(house().join(document)).unwrap();
        for (line, path) in named_paths(&text) {
            for alternative in alternatives(path) {
                if !there.iter().any(|entry| is_named_by(entry, &alternative)) {
                    missing.push(format!("{document}:{line}: {alternative}"));
                }
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// The folders at the top in which a path of a document may lie.
const FOLDERS: [&str; 6] = [
    ".ci",
    "inspector-wasm",
    "restore-backend",
    "shared",
    "tests",
    "web",
];

/// All files and folders below `folder`, relative to `house`, but for the folders that a build or npm fills.
fn entries(house: &Path, folder: &str, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(house.join(folder)).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = format!("{folder}/{name}");
        if entry.file_type().unwrap().is_dir() {
            if ["dist", "node_modules", "target"].contains(&name.as_str()) {
                continue;
            }
            entries(house, &path, found);
        }
        found.push(path);
    }
}

/// The paths of this repository between backticks, each with the number of its line. Code in fences is left out, and so is what
/// `web` builds.
fn named_paths(text: &str) -> Vec<(usize, &str)> {
    const ENDS: [&str; 6] = [".css", ".md", ".mjs", ".rs", ".sh", ".toml"];
    let mut found = Vec::new();
    let mut is_fenced = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            is_fenced = !is_fenced;
        }
        if is_fenced {
            continue;
        }
        for quoted in line.split('`').skip(1).step_by(2) {
            let path = quoted.trim_start_matches("./").trim_end_matches('/');
            let is_path = path.contains('/') && !path.contains(' ');
            let is_ours = is_below_a_folder(path) || ENDS.iter().any(|end| path.ends_with(end));
            let is_built = path.starts_with("web/dist");
            if is_path && is_ours && !is_built && !OF_OTHERS.contains(&path) {
                found.push((index + 1, path));
            }
        }
    }
    found
}

fn is_below_a_folder(path: &str) -> bool {
    FOLDERS.iter().any(|folder| {
        path.strip_prefix(folder)
            .is_some_and(|rest| rest.starts_with('/'))
    })
}

/// `a/{b,c}.rs` stands for `a/b.rs` and `a/c.rs`.
fn alternatives(path: &str) -> Vec<String> {
    let braces = path.split_once('{').and_then(|(before, rest)| {
        let (inside, after) = rest.split_once('}')?;
        Some((before, inside, after))
    });
    let Some((before, inside, after)) = braces else {
        return vec![path.to_owned()];
    };
    inside
        .split(',')
        .flat_map(|name| alternatives(&format!("{before}{name}{after}")))
        .collect()
}

/// Whether a document means this entry. Where a path begins with no folder at the top, it may begin at any folder. `*` stands
/// for any part of a name, and so does `NAME`, which a walkthrough says of a file that is not there yet.
fn is_named_by(entry: &str, path: &str) -> bool {
    let pattern = path.replace("NAME", "*");
    if is_below_a_folder(path) {
        return fits(&pattern, entry);
    }
    let mut ends = entry.match_indices('/').map(|(at, _)| &entry[at + 1..]);
    ends.any(|end| fits(&pattern, end))
}

/// Whether a pattern of names, in which each `*` stands for any letters but a slash, fits all of a text.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(rest) = text.strip_prefix(before) else {
        return false;
    };
    // The star takes as many letters as leave a rest that fits, up to the end of the name.
    let name_ends = rest.find('/').unwrap_or(rest.len());
    let mut cuts = rest
        .char_indices()
        .map(|(at, _)| at)
        .chain(std::iter::once(rest.len()));
    cuts.any(|at| at <= name_ends && fits(after, &rest[at..]))
}

#[test]
fn a_path_in_a_document_is_told_from_other_words() {
    let text = "See `shared/src/plan/{step,steps}.rs`, `make test`, `./tests/lint/`\n```\n`web/gone.rs`\n```\n\
                and `http/failure.rs`, `application/json`, `web/dist/x`, `db/manifest/recovery.rs`.";
    let paths = named_paths(text);
    assert_eq!(
        paths,
        [
            (1, "shared/src/plan/{step,steps}.rs"),
            (1, "tests/lint"),
            (5, "http/failure.rs")
        ]
    );
    assert_eq!(alternatives("a/{b,c}.{d,e}").len(), 4);
    assert!(is_named_by(
        "restore-backend/src/http/failure.rs",
        "http/failure.rs"
    ));
    assert!(!is_named_by(
        "restore-backend/src/http/failure.rs",
        "tests/failure.rs"
    ));
    assert!(is_named_by(
        "shared/tests/golden/plan-a.txt",
        "shared/tests/golden/plan-*.txt"
    ));
    assert!(is_named_by("web/styles/x.css", "web/styles/NAME.css"));
    assert!(!is_named_by("web/styles/x/y.css", "web/styles/*.css"));
}
