//! What is done to an input: to its JSON, so that it gets past a parser, or to its bytes, so that it does not.

use serde_json::{Map, Value, json};

use crate::dice::Dice;

const TEXTS: [&str; 64] = [
    "",
    " ",
    "main",
    "feature",
    "feature/a",
    "feature-a",
    "a/../b",
    "..",
    ".",
    "../..",
    "/",
    "//",
    "nodes/01d3",
    "nodes/../../other",
    "nodes/./x",
    "nodes//x",
    "nodes\\..\\..",
    "%2e%2e/%2e%2e/other",
    "nodes/.%2E/%2e./other",
    "..%2f..%2fother",
    "..%5cother",
    "%252e%252e/x",
    "\u{ff0e}\u{ff0e}/x",
    "\u{2024}\u{2024}/x",
    "..\u{2215}x",
    "nodes/x?y",
    "nodes/x#y",
    "C:\\graph",
    "c:/graph",
    "\\\\host\\share",
    "file:///data/graph",
    "file://data/graph",
    "file:/data/graph",
    "FILE:///data/graph",
    "s3://bucket/graph",
    "/data/graph",
    "/data/graph/nodes/01d3",
    "file:///data/graph/nodes/01d3",
    "/srv/graphs/../x",
    "node:Author",
    "edge:Wrote",
    "act-ada",
    "Mutation",
    "Load",
    "SchemaApply",
    "BranchMerge",
    "EnsureIndices",
    "Optimize",
    "01M8125ENACWR9X1EZNRMDV5V2",
    "01M8125E20G3JA88BS9CEJEX1K",
    "7ZZZZZZZZZZZZZZZZZZZZZZZZZ",
    "01m8125enacwr9x1eznrmdv5v2",
    "0",
    "1",
    "+1",
    "-1",
    "0001",
    "18446744073709551615",
    "18446744073709551616",
    "\u{1b}[2J\u{1b}[31mred",
    "ada\u{202e}nosj",
    "a\u{61c}b\u{200f}c\u{2066}d",
    "\u{0}",
    "\u{feff}e\u{301}\u{1f9ff}\u{e0041}",
];

const NAMES: [&str; 12] = [
    "schema_version",
    "operation_id",
    "tables",
    "table_key",
    "table_path",
    "table_branch",
    "kind",
    "epoch",
    "steps",
    "purpose",
    "protocol_version",
    "__proto__",
];

/// Fragments for raw bytes, among them numbers that no JSON value of ours can hold.
const FRAGMENTS: [&[u8]; 20] = [
    b"\"",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"\\udc00\\ud800",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"null",
    b"1e400",
    b"-0",
    b"-0.0",
    b"18446744073709551616",
    b"1.7976931348623157e308",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xed\xa0\x80",
];

/// The JSON of an input changed in one to three places, written anew.
pub(crate) fn json(bytes: &[u8], dice: &mut Dice) -> Option<Vec<u8>> {
    let mut value: Value = serde_json::from_slice(bytes).ok()?;
    change(&mut value, dice);
    Some(written(&value, dice))
}

/// Changes one to three places, mostly into something of the same type.
pub(crate) fn change(value: &mut Value, dice: &mut Dice) {
    for _ in 0..=dice.below(3) {
        let places = count(value);
        let place = dice.below(places);
        edit(value, place, dice);
    }
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum(),
        _ => 0,
    }
}

fn edit(value: &mut Value, place: usize, dice: &mut Dice) {
    if place == 0 {
        at(value, dice);
        return;
    }
    let mut place = place - 1;
    let children: Vec<&mut Value> = match value {
        Value::Array(items) => items.iter_mut().collect(),
        Value::Object(fields) => fields.values_mut().collect(),
        _ => Vec::new(),
    };
    for child in children {
        let size = count(child);
        if place < size {
            edit(child, place, dice);
            return;
        }
        place -= size;
    }
}

fn at(value: &mut Value, dice: &mut Dice) {
    if dice.one_in(16) {
        *value = any(dice);
        return;
    }
    match value {
        Value::Null | Value::Bool(_) => {
            *value = match dice.below(4) {
                0 => Value::Null,
                1 => number(dice),
                2 => json!(dice.one_in(2)),
                _ => json!(text(dice)),
            }
        }
        Value::Number(old) => {
            let near = old.as_u64().unwrap_or_default();
            *value = match dice.below(5) {
                0 => number(dice),
                1 => json!(near.wrapping_sub(1)),
                2 => json!(near.wrapping_add(3)),
                3 => json!(dice.below(9)),
                _ => json!(near.wrapping_add(1)),
            }
        }
        Value::String(old) => *value = json!(other_text(old, dice)),
        Value::Array(items) => list(items, dice),
        Value::Object(fields) => object(fields, dice),
    }
}

fn list(items: &mut Vec<Value>, dice: &mut Dice) {
    let (one, other) = (dice.below(items.len()), dice.below(items.len()));
    match dice.below(6) {
        0 if !items.is_empty() => drop(items.remove(one)),
        1 if !items.is_empty() => items.insert(other, items[one].clone()),
        2 if !items.is_empty() => items.swap(one, other),
        3 if !items.is_empty() => {
            // A neighbour that is like this one but for one place.
            let mut copy = items[one].clone();
            let place = dice.below(count(&copy));
            edit(&mut copy, place, dice);
            items.push(copy);
        }
        4 if !items.is_empty() && dice.one_in(40) => {
            let copy = items[one].clone();
            items.extend((0..200).map(|_| copy.clone()));
        }
        5 => items.push(any(dice)),
        _ => items.reverse(),
    }
}

fn object(fields: &mut Map<String, Value>, dice: &mut Dice) {
    let name = fields.keys().nth(dice.below(fields.len())).cloned();
    match (dice.below(4), name) {
        (0, Some(name)) => drop(fields.remove(&name)),
        (1, Some(name)) => {
            let moved = fields.remove(&name).unwrap_or_default();
            fields.insert((*dice.pick(&NAMES)).to_owned(), moved);
        }
        (2, _) => {
            let empty = [
                json!(null),
                json!(""),
                json!([]),
                json!({}),
                json!(0),
                json!(false),
            ];
            let value = dice.pick(&empty).clone();
            fields.insert((*dice.pick(&NAMES)).to_owned(), value);
        }
        _ => {
            fields.insert(text(dice), any(dice));
        }
    }
}

fn any(dice: &mut Dice) -> Value {
    match dice.below(7) {
        0 => Value::Null,
        1 => json!(dice.one_in(2)),
        2 => number(dice),
        3 => json!([]),
        4 => json!({ *dice.pick(&NAMES): number(dice) }),
        5 => {
            let depth = *dice.pick(&[2, 8, 31, 32, 33, 127, 128, 129]);
            (0..depth).fold(number(dice), |inner, _| json!([inner]))
        }
        _ => json!(text(dice)),
    }
}

fn number(dice: &mut Dice) -> Value {
    let numbers = [
        json!(0),
        json!(1),
        json!(2),
        json!(-1),
        json!(i64::MIN),
        json!(1_u64 << 32),
        json!(1_u64 << 53),
        json!(i64::MAX),
        json!(u64::MAX - 1),
        json!(u64::MAX),
        json!(1.5),
        json!(-0.0),
        json!(f64::MAX),
        json!(f64::MIN_POSITIVE),
    ];
    match dice.below(16) {
        0 => json!(dice.number()),
        1 => json!(f64::from_bits(dice.number())),
        _ => dice.pick(&numbers).clone(),
    }
}

fn text(dice: &mut Dice) -> String {
    match dice.below(40) {
        0 => "a".repeat(*dice.pick(&[63, 64, 65, 2_000, 4_096, 4_097])),
        1 => "\u{10ffff}".repeat(*dice.pick(&[64, 65, 4_096])),
        2 if dice.one_in(20) => "x".repeat(1 << 20),
        _ => (*dice.pick(&TEXTS)).to_owned(),
    }
}

pub(crate) fn other_text(old: &str, dice: &mut Dice) -> String {
    let cut = old
        .char_indices()
        .map(|(index, _)| index)
        .nth(dice.below(old.chars().count()));
    let (head, tail) = old.split_at(cut.unwrap_or_default());
    match dice.below(9) {
        0 => format!("{head}{}{tail}", text(dice)),
        1 => head.to_owned(),
        2 => tail.to_owned(),
        3 => format!("{old}/"),
        4 => format!("{old}/{}", text(dice)),
        5 => format!("file://{old}"),
        6 => old.replace('/', ["//", "\\", "%2f", "/./", "/x/../"][dice.below(5)]),
        _ => text(dice),
    }
}

/// Writes a value, now and then with a field twice: serde_json's own values cannot hold that.
pub(crate) fn written(value: &Value, dice: &mut Dice) -> Vec<u8> {
    let compact = value.to_string().into_bytes();
    let Some(fields) = value.as_object().filter(|_| dice.one_in(24)) else {
        return if dice.one_in(8) {
            serde_json::to_vec_pretty(value).unwrap()
        } else {
            compact
        };
    };
    let Some((name, twin)) = fields.iter().nth(dice.below(fields.len())) else {
        return compact;
    };
    let mut twin = twin.clone();
    if dice.one_in(2) {
        let place = dice.below(count(&twin));
        edit(&mut twin, place, dice);
    }
    let field = format!("{}:{twin},", json!(name));
    [b"{", field.as_bytes(), &compact[1..]].concat()
}

/// Flips, inserts, removes and moves bytes; or joins two inputs.
pub(crate) fn raw(bytes: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=dice.below(4) {
        let (index, end) = (dice.below(bytes.len()), dice.below(bytes.len() + 1));
        let (start, end) = (index.min(end), index.max(end));
        match dice.below(8) {
            0 if !bytes.is_empty() => bytes[index] ^= 1 << dice.below(8),
            1 if !bytes.is_empty() => drop(bytes.remove(index)),
            2 => bytes.truncate(index),
            3 => drop(bytes.drain(start..end.min(start + 16))),
            4 => {
                let piece = bytes[start..end.min(start + 64)].to_vec();
                bytes.splice(start..start, piece);
            }
            5 => {
                let from = dice.below(other.len());
                bytes.truncate(start);
                bytes.extend(&other[from..]);
            }
            6 => {
                let digits = bytes
                    .iter()
                    .skip(index)
                    .take_while(|byte| byte.is_ascii_digit())
                    .count();
                bytes.splice(index..index + digits, dice.pick(&FRAGMENTS).iter().copied());
            }
            _ => drop(bytes.splice(start..start, dice.pick(&FRAGMENTS).iter().copied())),
        }
    }
    bytes
}
