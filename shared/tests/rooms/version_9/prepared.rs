//! The undo that a recovery writes into a sidecar before it restores anything.

use sidecar::Limits;
use sidecar::version_9::{CannotPrepare, RollbackOutcome, parse, with_rollback_outcomes};

use super::fixture::{Fixture, of, readable};

fn prepare(fixture: &Fixture, outcomes: &[RollbackOutcome]) -> Result<Vec<u8>, CannotPrepare> {
    with_rollback_outcomes(&fixture.file, &fixture.bytes, outcomes, &Limits::DEFAULT)
}

/// One outcome per pinned table, under the name that it had before the write.
fn undo_of(fixture: &Fixture) -> Vec<RollbackOutcome> {
    let sidecar = fixture.parsed();
    let renames = &sidecar.payload().unwrap().intended_delta.renames;
    let before = |key: &String| {
        let renamed = renames.iter().find(|renamed| renamed.table_key == *key);
        renamed
            .map_or(key, |renamed| &renamed.expected_table_key)
            .clone()
    };
    let outcome = |pin: &sidecar::version_9::Pin| RollbackOutcome {
        table_key: before(&pin.table_key),
        from_version: pin.post_commit_pin,
        to_version: pin.expected_version,
    };
    sidecar.tables.iter().map(outcome).collect()
}

#[test]
fn it_changes_nothing_else_in_any_sidecar() {
    let mut prepared = 0;
    for fixture in readable() {
        let before = fixture.parsed();
        let Some(payload) = before.payload() else {
            continue;
        };
        if payload.rollback_audit_outcomes.is_some() {
            continue;
        }
        for outcomes in [Vec::new(), undo_of(&fixture)] {
            let bytes = prepare(&fixture, &outcomes).unwrap();
            let (old, new) = (
                std::str::from_utf8(&fixture.bytes).unwrap(),
                std::str::from_utf8(&bytes).unwrap(),
            );
            // The new text is the old one with one piece put in.
            let same = old
                .bytes()
                .zip(new.bytes())
                .take_while(|(old, new)| old == new)
                .count();
            let piece = new.len() - old.len();
            assert_eq!(&old[same..], &new[same + piece..], "{}", fixture.name());
            let undo = serde_json::to_string(&outcomes).unwrap();
            let put_in = format!("\"rollback_audit_outcomes\":{undo},");
            let next = match before.writer_kind.changes_the_schema() {
                true => "\"target_schema_ir_hash\":",
                false => "\"effect_phase\":",
            };
            let dense = |text: &str| text.split_whitespace().collect::<String>();
            assert_eq!(
                dense(new),
                dense(old).replacen(next, &format!("{put_in}{next}"), 1),
                "{}",
                fixture.name()
            );
            let after = parse(&fixture.file, &bytes, &Limits::DEFAULT).unwrap();
            assert_eq!(
                after.payload().unwrap().rollback_audit_outcomes.as_ref(),
                Some(&outcomes),
                "an empty undo is not the same as none"
            );
            prepared += 1;
        }
    }
    assert!(prepared > 200, "{prepared}");
}

/// The engine wrote these itself before it was stopped.
#[test]
fn the_bytes_are_those_that_the_engine_writes_for_the_same_undo() {
    let mut compared = 0;
    for fixture in readable() {
        let sidecar = fixture.parsed();
        let Some(outcomes) = sidecar
            .payload()
            .and_then(|payload| payload.rollback_audit_outcomes.clone())
        else {
            continue;
        };
        let text = String::from_utf8(fixture.bytes.clone()).unwrap();
        let start = text.find("    \"rollback_audit_outcomes\"").unwrap();
        let end = start + text[start..].find("],\n").unwrap() + "],\n".len();
        let before = Fixture {
            bytes: format!("{}{}", &text[..start], &text[end..]).into_bytes(),
            ..fixture
        };
        let bytes = prepare(&before, &outcomes).unwrap();
        assert!(bytes == text.as_bytes(), "{}", before.name());
        let again = Fixture {
            bytes: bytes.clone(),
            ..before
        };
        assert!(
            prepare(&again, &outcomes).unwrap() == bytes,
            "to prepare it once more changes nothing"
        );
        compared += 1;
    }
    assert!(compared >= 13, "{compared}");
}

#[test]
fn it_is_refused_where_it_would_say_something_wrong_or_change_something_else() {
    let armed = of("v9-mutation-insert-effects");
    let outcome = |table_key: &str, to_version| RollbackOutcome {
        table_key: table_key.to_owned(),
        from_version: 3,
        to_version,
    };
    let undo = [outcome("node:Author", 2)];
    let refused = |fixture: &Fixture, outcomes: &[RollbackOutcome]| {
        prepare(fixture, outcomes).unwrap_err().to_string()
    };
    for wrong in [
        vec![outcome("node:Nobody", 2)],
        vec![outcome("node:Author", 2), outcome("node:Author", 2)],
    ] {
        assert!(refused(&armed, &wrong).contains("rollback_audit_outcomes names"));
    }
    assert!(
        refused(&of("v9-optimize-armed"), &[]).contains("prepares no undo"),
        "an Optimize has no plan"
    );
    let prepared = of("v9-recovery-back-planned");
    assert!(refused(&prepared, &undo[..0]).contains("has another undo in it already"));
    let newline = Fixture {
        bytes: [armed.bytes.as_slice(), b"\n"].concat(),
        ..armed
    };
    assert!(refused(&newline, &undo).contains("not spelled as engines spell it"));
}

#[test]
fn a_renamed_table_is_taken_back_under_its_old_name() {
    let fixture = of("v9-schema-mixed-confirmed");
    let undo = |table_key: &str| RollbackOutcome {
        table_key: table_key.to_owned(),
        from_version: 3,
        to_version: 2,
    };
    assert!(prepare(&fixture, &[undo("node:Author")]).is_ok());
    assert!(prepare(&fixture, &[undo("node:Writer")]).is_err());
}
