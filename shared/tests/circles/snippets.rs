//! The scanner on small packages: each test is a few files, and who imports which item from whom.

use std::collections::BTreeMap;

use crate::circle::{Circle, circles, complaints, example};
use crate::package::Package;
use crate::ties::{Ties, ties};

fn ties_among(files: &[(&str, &str)]) -> Ties {
    let files: BTreeMap<&str, &str> = files.iter().copied().collect();
    let read = |file: &str| files.get(file).map(|text| (*text).to_owned());
    ties(&Package::read("lib.rs", &read).unwrap())
}

/// `a.rs:1 b.rs Item`, one a line.
fn lines(ties: &Ties) -> Vec<String> {
    let mut lines = Vec::new();
    for (from, files) in ties {
        for (to, items) in files {
            for (item, line) in items {
                lines.push(format!("{from}:{line} {to} {item}"));
            }
        }
    }
    lines
}

#[track_caller]
fn assert_ties(files: &[(&str, &str)], expected: &[&str]) {
    assert_eq!(lines(&ties_among(files)), expected);
}

fn circle(files: &[&str]) -> Circle {
    files.iter().map(|file| (*file).to_owned()).collect()
}

const A_AND_B: &str = "mod a; mod b;";

#[test]
fn a_use_of_an_item_is_an_import_from_the_file_that_defines_it() {
    for import in [
        "use crate::b::Thing;",
        "use super::b::Thing;",
        "use crate::{b::{Thing}};",
        "use crate::b::Thing as Other;",
        "fn f() { use crate::b::Thing; }",
        "mod inner { use super::super::b::Thing; }",
        "pub use crate::b::Thing;",
    ] {
        assert_ties(
            &[
                ("lib.rs", A_AND_B),
                ("a.rs", import),
                ("b.rs", "pub struct Thing;"),
            ],
            &["a.rs:1 b.rs Thing"],
        );
    }
}

#[test]
fn a_path_in_the_code_is_an_import_as_well() {
    for code in [
        "fn f() { crate::b::act() }",
        "fn f() { super::b::act::<u8>() }",
        "use crate::b; fn f() { b::act() }",
        "use crate::b::{self}; fn f() { b::act() }",
        "use crate::b as other; fn f() { other::act() }",
        "use super::{b}; fn f() { html! { <div>{ b::act() }</div> } }",
        "fn f(a: u8) -> impl Fn() + use<'_> { crate::b::act() }",
    ] {
        assert_ties(
            &[
                ("lib.rs", A_AND_B),
                ("a.rs", code),
                ("b.rs", "pub fn act() {}"),
            ],
            &["a.rs:1 b.rs act"],
        );
    }
}

#[test]
fn an_import_of_a_module_alone_ties_nobody() {
    let files = [("lib.rs", A_AND_B), ("a.rs", "use crate::b;"), ("b.rs", "")];
    assert_ties(&files, &[]);
}

#[test]
fn variants_and_associated_items_belong_to_the_file_of_their_type() {
    let b = "pub enum Step { Fence } impl Step { pub const ALL: u8 = 1; }";
    for code in [
        "fn f() { crate::b::Step::Fence; }",
        "use crate::b::Step::Fence;",
        "use crate::b; fn f() { b::Step::ALL }",
    ] {
        assert_ties(
            &[("lib.rs", A_AND_B), ("a.rs", code), ("b.rs", b)],
            &["a.rs:1 b.rs Step"],
        );
    }
}

#[test]
fn a_re_export_is_followed_to_the_file_that_defines_the_item() {
    let parent = "mod a; mod b; pub use b::Thing;";
    for code in [
        "use super::Thing;",
        "use crate::p::Thing;",
        "use crate::Thing;",
        "fn f(_: crate::p::Thing) {}",
    ] {
        assert_ties(
            &[
                ("lib.rs", "mod p; pub use p::Thing;"),
                ("p.rs", parent),
                ("p/a.rs", code),
                ("p/b.rs", "pub struct Thing;"),
            ],
            &["p/a.rs:1 p/b.rs Thing"],
        );
    }
}

#[test]
fn a_private_use_of_the_parent_is_followed_as_well_and_ties_the_parent() {
    assert_ties(
        &[
            ("lib.rs", "mod a; mod b;\nuse b::Thing;"),
            ("a.rs", "use super::Thing;"),
            ("b.rs", "pub struct Thing;"),
        ],
        &["a.rs:1 b.rs Thing", "lib.rs:2 b.rs Thing"],
    );
}

#[test]
fn a_parent_that_only_shows_its_children_imports_nothing() {
    let b = "use super::Plan; pub struct Step; pub fn run() {}";
    for rest in [
        "pub struct Plan;",
        // A method, a field, a variant, a variable and a comment of the same name.
        "pub struct Plan { run: u8 } fn f(p: Plan) { p.run() }",
        "pub struct Plan; enum Kind { Step, Other { run: u8 } }",
        "pub struct Plan; fn f() { let run = 1; g(run) }",
        "pub struct Plan; /* Step */ // run()\n",
        "pub struct Plan; const NAME: &str = \"Step run()\"; const RAW: &str = r#\"\"Step\"#;",
        "pub struct Plan; fn f<'run>(x: &'run u8) { g('\"', Step_, '\\'') }",
    ] {
        let parent = format!("mod b; pub use b::{{Step, run}}; {rest}");
        assert_ties(&[("lib.rs", &parent), ("b.rs", b)], &["b.rs:1 lib.rs Plan"]);
    }
}

#[test]
fn a_parent_and_a_child_are_a_circle_if_each_uses_what_the_other_defines() {
    for (item, rest) in [
        ("Step", "pub struct Plan { step: Step }"),
        ("Step", "pub struct Plan; fn f() { Step::new() }"),
        ("run", "pub struct Plan; fn f() { run() }"),
        ("run", "pub struct Plan; fn f() { b::run() }"),
        (
            "run",
            "pub struct Plan; fn f(all: Vec<u8>) { all.map(run) }",
        ),
    ] {
        let parent = format!("mod b; pub use b::{{Step, run}};\n{rest}");
        let files = [
            ("lib.rs", parent.as_str()),
            ("b.rs", "use super::Plan; pub struct Step; pub fn run() {}"),
        ];
        assert_ties(
            &files,
            &["b.rs:1 lib.rs Plan", &format!("lib.rs:2 b.rs {item}")],
        );
        assert_eq!(circles(&ties_among(&files)), [circle(&["b.rs", "lib.rs"])]);
    }
}

#[test]
fn a_glob_brings_in_what_the_code_names() {
    for import in ["use crate::b::*;", "use super::b::*;"] {
        let code = format!("{import}\nfn f() -> Thing {{ act() }}");
        assert_ties(
            &[
                ("lib.rs", A_AND_B),
                ("a.rs", &code),
                (
                    "b.rs",
                    "pub struct Thing; pub struct Other; pub fn act() {}",
                ),
            ],
            &["a.rs:2 b.rs Thing", "a.rs:2 b.rs act"],
        );
    }
    assert_ties(
        &[
            ("lib.rs", "mod a; mod p;"),
            ("a.rs", "use crate::p::Thing;"),
            ("p.rs", "mod b; pub use b::*;"),
            ("p/b.rs", "pub struct Thing;"),
        ],
        &["a.rs:1 p/b.rs Thing"],
    );
}

#[test]
fn globs_that_lead_to_each_other_come_to_an_end() {
    assert_ties(
        &[
            ("lib.rs", A_AND_B),
            ("a.rs", "pub use crate::b::*; fn f() { elsewhere(); act() }"),
            ("b.rs", "pub use crate::a::*; pub fn act() {}"),
        ],
        &["a.rs:1 b.rs act"],
    );
}

#[test]
fn a_module_and_a_function_may_have_the_same_name() {
    assert_ties(
        &[
            ("lib.rs", "mod a; mod b; pub use b::b;"),
            ("a.rs", "use crate::b; fn f() { b::other(b()) }"),
            ("b.rs", "pub fn b() {} pub fn other() {}"),
        ],
        &["a.rs:1 b.rs b", "a.rs:1 b.rs other"],
    );
}

#[test]
fn other_crates_and_the_modules_of_the_same_file_are_no_imports() {
    assert_ties(
        &[
            ("lib.rs", A_AND_B),
            (
                "a.rs",
                "use std::fmt; use ::b::Thing; mod inner { pub struct X; } use inner::X; \
                 fn f() -> fmt::Result { self::inner::X; serde_json::b::act() }",
            ),
            ("b.rs", "pub struct Thing; pub fn act() {}"),
        ],
        &[],
    );
}

#[test]
fn a_visibility_is_no_import() {
    assert_ties(
        &[
            ("lib.rs", "mod a; pub fn a() {}"),
            ("a.rs", "pub(crate) fn f() {} pub(in crate::a) fn g() {}"),
        ],
        &[],
    );
}

#[test]
fn tests_do_not_count() {
    for test in [
        "#[cfg(test)] mod tests { use crate::b::Thing; }",
        "#[cfg(test)] mod tests { use super::*; fn f() { crate::b::act() } }",
        "#[cfg(test)]\nuse crate::b::Thing;",
        "#[cfg(all(test, unix))] pub(crate) fn f() -> [u8; 2] { crate::b::act() }",
        "#[test] fn f() { crate::b::act() }",
        "#[tokio::test] async fn f() { crate::b::act() }",
        "#[cfg(test)] mod only_in_tests;",
        "#[cfg(test)] #[path = \"elsewhere.rs\"] mod only_in_tests;",
        "#![cfg(test)] use crate::b::Thing;",
    ] {
        assert_ties(
            &[
                ("lib.rs", A_AND_B),
                ("a.rs", test),
                ("a/only_in_tests.rs", "use crate::b::Thing;"),
                ("elsewhere.rs", "use crate::b::Thing;"),
                ("b.rs", "pub struct Thing; pub fn act() {}"),
            ],
            &[],
        );
    }
    let behind = "#[cfg(test)] fn f() { g() } #[cfg(not(test))] use crate::b::Thing;";
    assert_ties(
        &[
            ("lib.rs", A_AND_B),
            ("a.rs", behind),
            ("b.rs", "pub struct Thing;"),
        ],
        &["a.rs:1 b.rs Thing"],
    );
}

#[test]
fn files_are_found_where_the_compiler_finds_them() {
    assert_ties(
        &[
            ("lib.rs", "mod a; mod inner { mod c; } pub struct Root;"),
            (
                "a/mod.rs",
                "mod b; #[path = \"x/other.rs\"] mod named; use crate::Root;",
            ),
            ("a/b.rs", "mod deep; use crate::Root;"),
            ("a/b/deep.rs", "use crate::Root;"),
            ("a/x/other.rs", "mod beside; use crate::Root;"),
            ("a/x/beside.rs", "use crate::Root;"),
            ("inner/c.rs", "use crate::Root;"),
        ],
        &[
            "a/b.rs:1 lib.rs Root",
            "a/b/deep.rs:1 lib.rs Root",
            "a/mod.rs:1 lib.rs Root",
            "a/x/beside.rs:1 lib.rs Root",
            "a/x/other.rs:1 lib.rs Root",
            "inner/c.rs:1 lib.rs Root",
        ],
    );
}

const RING: [(&str, &str); 5] = [
    ("lib.rs", "mod a; mod b; mod c; mod d;"),
    ("a.rs", "use crate::b::B; pub struct A;"),
    ("b.rs", "use crate::c::C; pub struct B;"),
    ("c.rs", "\nuse crate::a::A; use crate::d::D; pub struct C;"),
    ("d.rs", "pub struct D;"),
];

#[test]
fn a_circle_is_told_with_its_files_and_one_way_round() {
    let ties = ties_among(&RING);
    let ring = circle(&["a.rs", "b.rs", "c.rs"]);
    assert_eq!(circles(&ties), std::slice::from_ref(&ring));
    assert_eq!(
        example(&ties, &ring, &ring),
        "  a.rs:1 imports B from b.rs\n  b.rs:1 imports C from c.rs\n  c.rs:2 imports A from a.rs\n"
    );
}

#[track_caller]
fn assert_complaint(known: &[&[&str]], expected: &str) {
    let ties = ties_among(&RING);
    let known: Vec<Circle> = known.iter().map(|files| circle(files)).collect();
    let complaints = complaints(&known, &circles(&ties), &ties);
    assert_eq!(complaints.len(), 1, "{complaints:?}");
    assert!(complaints[0].starts_with(expected), "{complaints:?}");
}

#[test]
fn a_known_circle_is_no_complaint() {
    let ties = ties_among(&RING);
    let known = [circle(&["a.rs", "b.rs", "c.rs"])];
    assert_eq!(complaints(&known, &circles(&ties), &ties), [""; 0]);
}

#[test]
fn a_circle_that_is_new_grown_smaller_or_gone_is_a_complaint() {
    assert_complaint(&[], "These 3 files import from each other in a circle");
    assert_complaint(
        &[&["a.rs", "b.rs"]],
        "A known circle of imports now takes in c.rs",
    );
    assert_complaint(
        &[&["a.rs", "b.rs", "c.rs", "d.rs"]],
        "A known circle of imports has become smaller",
    );
    assert_complaint(
        &[&["a.rs", "b.rs", "c.rs"], &["d.rs", "lib.rs"]],
        "A known circle of imports is gone",
    );
}
