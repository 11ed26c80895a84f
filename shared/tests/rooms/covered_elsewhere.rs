//! Which tables beside a merge another pending sidecar resolves.

use sidecar::observation::UncoveredTable;
use sidecar::{
    Code, Limits, PendingEntry, Reason, Sidecar, SidecarFile, WriterKind, assemble, drop_covered,
};

use crate::support::{OLDER, bytes, on_branch, pin, sidecar};

fn merge() -> Sidecar {
    sidecar(WriterKind::BranchMerge, vec![pin("node:Author", 5, 6)])
}

fn uncovered(table_key: &str, branch: Option<&str>) -> UncoveredTable {
    UncoveredTable {
        table_key: table_key.to_owned(),
        branch: branch.map(str::to_owned),
        pinned: 4,
        head: 5,
    }
}

fn another(tables: Vec<sidecar::TablePin>) -> Sidecar {
    Sidecar {
        operation_id: OLDER.parse().unwrap(),
        ..sidecar(WriterKind::Mutation, tables)
    }
}

fn file(sidecar: &Sidecar) -> SidecarFile {
    let name = sidecar.operation_id.file_name();
    SidecarFile::read(&name, bytes(sidecar), &Limits::DEFAULT)
}

fn pending(file: SidecarFile, refusal: Option<Reason>) -> PendingEntry {
    let mut listed = assemble(vec![file]);
    let mut listed = listed.remove(0);
    listed.refusal = refusal;
    PendingEntry {
        listed,
        journal: None,
        stands_in_for: None,
    }
}

#[test]
fn a_table_is_covered_by_another_sidecar_that_can_resolve_it() {
    let book = || another(vec![pin("node:Book", 4, 5)]);
    let on_a_branch = || {
        let mut other = another(vec![on_branch(pin("node:Book", 4, 5), "feature")]);
        other.branch = Some("feature".to_owned());
        other
    };
    let own = || Sidecar {
        tables: book().tables,
        ..merge()
    };
    let refused = || Some(Reason::new(Code::Misnamed, "it is misnamed"));
    let unread = SidecarFile::unread("a.json", Reason::new(Code::Unreadable, "timed out"));
    let broken = SidecarFile::read("b.json", b"{".to_vec(), &Limits::DEFAULT);
    let cases = [
        ("nothing", vec![], 1, 0),
        ("another", vec![pending(file(&book()), None)], 0, 0),
        ("its own", vec![pending(file(&own()), None)], 1, 0),
        ("refused", vec![pending(file(&book()), refused())], 1, 0),
        ("a branch", vec![pending(file(&on_a_branch()), None)], 1, 0),
        ("unread", vec![pending(unread, None)], 1, 1),
        ("no sidecar", vec![pending(broken, None)], 1, 0),
    ];
    for (what, pending, left, unread) in cases {
        let mut tables = vec![uncovered("node:Book", None)];
        let found = drop_covered(&merge(), &mut tables, &pending);
        assert_eq!((tables.len(), found.len()), (left, unread), "{what}");
    }
}
