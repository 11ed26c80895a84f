//! Sidecar files of version 9: whatever the bytes, a sidecar that is written back as it was, or a refusal with its reason.

use serde_json::Value;
use sidecar::version_9::{Sidecar9, Version9Report, parse, place_conflict, with_rollback_outcomes};
use sidecar::{Limits, Reason, RootId};

use crate::campaign::{Reached, plain};
use crate::dice::Dice;
use crate::{mutation, shown};

const LIMITS: Limits = Limits::DEFAULT;
const NAME: &str = "01M8125ENACWR9X1EZNRMDV5V2.json";

pub(crate) fn check(bytes: &[u8]) -> Reached {
    let report = Version9Report::of(NAME, bytes, &LIMITS);
    match parse(NAME, bytes, &LIMITS) {
        Err(error) => {
            let reason = Reason::new(error.code(), error.to_string());
            shown::fit(&reason.detail);
            if let Some(report) = report {
                assert_eq!(report.malformed, Some(reason.clone()));
                assert_eq!(report.summary, None);
            }
            Reached::refused(&format!("{} {}", reason.code, plain(&reason.detail)))
        }
        Ok(sidecar) => {
            written_back(&sidecar, bytes);
            prepared(&sidecar);
            for pin in &sidecar.tables {
                let place = pin.identity.place(&pin.table_key).unwrap();
                let home = pin.table_path.strip_suffix(&place).unwrap();
                let one = Sidecar9 {
                    tables: vec![pin.clone()],
                    ..sidecar.clone()
                };
                let conflict = place_conflict(&one, &RootId::new(home), None);
                let is_plain = !home.ends_with("//");
                assert_eq!(conflict.is_none(), is_plain, "its own root is its home");
            }
            let report = report.unwrap();
            assert_eq!(report.malformed, None);
            let json = serde_json::to_string(&report).unwrap();
            assert_eq!(
                serde_json::from_str::<Version9Report>(&json).unwrap(),
                report
            );
            let summary = report.summary.unwrap();
            assert_eq!(summary.tables.len(), sidecar.tables.len());
            let effects = summary.tables.iter().map(|table| table.effect.as_deref());
            Reached::taken(format!(
                "{} {:?} {:?}",
                sidecar.writer_kind.name(),
                summary.effect_phase,
                effects.collect::<Vec<_>>()
            ))
        }
    }
}

fn written_back(sidecar: &Sidecar9, bytes: &[u8]) {
    let read: Value = serde_json::from_slice(bytes).unwrap();
    assert_eq!(serde_json::to_value(sidecar).unwrap(), read);
    let written = sidecar.to_bytes().unwrap();
    assert_eq!(parse(NAME, &written, &LIMITS).as_ref(), Ok(sidecar));
}

/// An undo that moves nothing can be written into any of them, and is all that changes.
fn prepared(sidecar: &Sidecar9) {
    let bytes = sidecar.to_bytes().unwrap();
    let before = sidecar
        .payload()
        .map(|payload| payload.rollback_audit_outcomes.as_ref());
    match (before, with_rollback_outcomes(NAME, &bytes, &[], &LIMITS)) {
        (None, prepared) => assert!(prepared.is_err(), "there is no plan to write it into"),
        (Some(None), prepared) => {
            let prepared = prepared.unwrap();
            let mut after = parse(NAME, &prepared, &LIMITS).unwrap();
            let payload = after.payload().unwrap();
            assert_eq!(payload.rollback_audit_outcomes.as_deref(), Some(&[][..]));
            let text = String::from_utf8(prepared).unwrap();
            let without = text.replacen("    \"rollback_audit_outcomes\": [],\n", "", 1);
            assert!(without.as_bytes() == bytes, "nothing else changes");
            after.protocol = sidecar.protocol.clone();
            assert_eq!(after, *sidecar);
        }
        (Some(Some(undo)), prepared) => match undo.is_empty() {
            true => assert!(prepared.unwrap() == bytes),
            false => assert!(prepared.is_err(), "another undo is not replaced"),
        },
    }
}

/// Half of the changes are made wherever the same text or number stands, so that what has to agree still does.
pub(crate) fn mutate(bytes: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
    match dice.below(8) {
        0..4 => everywhere(bytes, dice),
        4..6 => mutation::json(bytes, dice),
        _ => None,
    }
    .unwrap_or_else(|| mutation::raw(bytes, other, dice))
}

fn everywhere(bytes: &[u8], dice: &mut Dice) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let ends = |byte: char| !byte.is_ascii_alphanumeric() && !matches!(byte, '-' | ':');
    let words: Vec<&str> = text.split(ends).filter(|word| !word.is_empty()).collect();
    if words.is_empty() {
        return None;
    }
    let word = *dice.pick(&words);
    let new = match word.parse::<u64>() {
        Ok(number) => number.wrapping_add(dice.below(5) as u64).to_string(),
        Err(_) => match dice.below(3) {
            0 => (*dice.pick(&words)).to_owned(),
            1 => word.replace(|char: char| char.is_ascii_digit(), "7"),
            _ => mutation::other_text(word, dice).replace(['"', '\\'], "x"),
        },
    };
    Some(text.replace(word, &new).into_bytes())
}
