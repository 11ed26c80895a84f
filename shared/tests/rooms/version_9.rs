//! Sidecars of `schema_version` 9: 127 that omnigraph 0.9.0 left behind when it was made to fail, and what becomes of them.

mod fields;
mod fixture;
mod half_undo;
mod place;
mod prepared;
mod proof;
mod shape;
mod summary;
pub(crate) mod taken_back;
mod verdict;
mod what_if;

use serde_json::Value;
use sidecar::version_9::{Version9Report, parse};
use sidecar::{Code, Limits, SidecarFile, assemble};

use fixture::{all, readable};

#[test]
fn every_sidecar_of_the_engine_is_read_and_written_back_byte_for_byte() {
    assert!(readable().len() >= 126, "{}", readable().len());
    for fixture in readable() {
        let sidecar = fixture.parsed();
        let written = sidecar.to_bytes().unwrap();
        assert!(
            written == fixture.bytes,
            "{}: {}",
            fixture.name(),
            String::from_utf8_lossy(&written)
        );
        assert_eq!(
            sidecar.operation_id.file_name(),
            fixture.file,
            "{}",
            fixture.name()
        );
    }
}

#[test]
fn a_file_in_another_layout_is_read_as_the_same_sidecar() {
    for fixture in readable() {
        let value: Value = serde_json::from_slice(&fixture.bytes).unwrap();
        let compact = value.to_string().into_bytes();
        let read = parse(&fixture.file, &compact, &Limits::DEFAULT).unwrap();
        assert_eq!(read, fixture.parsed(), "{}", fixture.name());
        assert_eq!(serde_json::to_value(read).unwrap(), value);
    }
}

#[test]
fn the_file_that_was_cut_short_is_no_json() {
    let cut: Vec<_> = all()
        .into_iter()
        .filter(|fixture| parse(&fixture.file, &fixture.bytes, &Limits::DEFAULT).is_err())
        .collect();
    let [cut] = cut.as_slice() else {
        panic!("{} files are not read", cut.len());
    };
    assert_eq!(cut.graph, "v9-sidecar-truncated");
    let error = parse(&cut.file, &cut.bytes, &Limits::DEFAULT).unwrap_err();
    assert_eq!(error.code(), Code::NotJson);
    assert_eq!(
        Version9Report::of(&cut.file, &cut.bytes, &Limits::DEFAULT),
        None,
        "nobody knows of which version it would have been"
    );
}

#[test]
fn what_cannot_be_read_is_refused_and_the_others_are_written_back_as_they_were() {
    for fixture in all() {
        let file = SidecarFile::read(&fixture.file, fixture.bytes.clone(), &Limits::DEFAULT);
        let listed = assemble(vec![file]);
        let is_read = fixture.graph != "v9-sidecar-truncated";
        let Some(refusal) = listed[0].refusal.as_ref() else {
            assert!(is_read, "{}", fixture.name());
            let sidecar = listed[0].to_judge().unwrap();
            assert_eq!(
                serde_json::to_vec_pretty(sidecar).unwrap(),
                fixture.bytes,
                "{} is written back as it was",
                fixture.name()
            );
            continue;
        };
        assert!(!is_read, "{}: {}", fixture.name(), refusal.detail);
        assert_eq!(refusal.code, Code::NotJson, "{}", refusal.detail);
    }
}

#[test]
fn a_sidecar_of_another_version_is_refused_by_its_version() {
    for version in [0, 1, 2, 8, 10, 21] {
        let fixture = fixture::of("v9-mutation-insert-effects");
        let mut value = fixture.value();
        value["schema_version"] = version.into();
        let bytes = value.to_string().into_bytes();
        let error = parse(&fixture.file, &bytes, &Limits::DEFAULT).unwrap_err();
        assert_eq!(error.code(), Code::UnsupportedVersion, "{error}");
        assert_eq!(
            Version9Report::of(&fixture.file, &bytes, &Limits::DEFAULT),
            None
        );
    }
}

#[test]
fn the_bounds_of_the_other_versions_hold_for_this_one() {
    let fixture = fixture::of("v9-load-append-three-tables-confirmed");
    let read = |limits: &Limits| parse(&fixture.file, &fixture.bytes, limits);
    for (limits, code) in [
        (
            Limits {
                sidecar_bytes_max: fixture.bytes.len() as u64 - 1,
                ..Limits::DEFAULT
            },
            Code::TooLarge,
        ),
        (
            Limits {
                json_depth_max: 3,
                ..Limits::DEFAULT
            },
            Code::TooDeep,
        ),
        (
            Limits {
                tables_max: 2,
                ..Limits::DEFAULT
            },
            Code::TooManyTables,
        ),
        (
            Limits {
                text_chars_max: 40,
                ..Limits::DEFAULT
            },
            Code::WrongShape,
        ),
    ] {
        assert_eq!(read(&limits).unwrap_err().code(), code);
    }
    let exactly = Limits {
        sidecar_bytes_max: fixture.bytes.len() as u64,
        tables_max: 3,
        ..Limits::DEFAULT
    };
    assert!(read(&exactly).is_ok());
}
