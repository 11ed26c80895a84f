//! Table paths: what is accepted is below the root however it is read, and where the catalog says the table is.

use serde::{Deserialize, Serialize};
use sidecar::{Code, RootId, location_conflict};

use crate::campaign::Reached;
use crate::dice::Dice;
use crate::mutation;
use crate::shown::fit;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Place {
    table_key: String,
    table_path: String,
    location: String,
    root: String,
    relocated_from: Option<String>,
}

impl Place {
    fn home(&self) -> &str {
        self.relocated_from.as_deref().unwrap_or(&self.root)
    }

    /// Where the root is, and was.
    fn homes(&self) -> impl Iterator<Item = &str> {
        let homes = [Some(&self.root), self.relocated_from.as_ref()];
        homes
            .into_iter()
            .flatten()
            .map(|home| home.trim_end_matches('/'))
    }

    fn accepted(&self) -> bool {
        let (root, relocated_from) = (
            RootId::new(&self.root),
            self.relocated_from.as_deref().map(RootId::new),
        );
        location_conflict(
            &self.table_key,
            &self.table_path,
            &self.location,
            &root,
            relocated_from.as_ref(),
        )
        .is_none()
    }

    fn with_path(&self, table_path: String) -> Self {
        Self {
            table_path,
            ..self.clone()
        }
    }
}

pub(crate) fn check(bytes: &[u8]) -> Reached {
    let place: Place = match serde_json::from_slice(bytes) {
        Ok(place) => place,
        Err(error) => return Reached::refused(&error.to_string()),
    };
    let (root, relocated_from) = (
        RootId::new(&place.root),
        place.relocated_from.as_deref().map(RootId::new),
    );
    let conflict = location_conflict(
        &place.table_key,
        &place.table_path,
        &place.location,
        &root,
        relocated_from.as_ref(),
    );
    same_place_in_other_words(&place);
    if let Some(reason) = conflict {
        assert_eq!(reason.code, Code::LocationOutsideRoot);
        fit(&reason.detail);
        assert!(
            !plainly_right(&place),
            "{place:?} is what every writer writes"
        );
        return Reached::refused(if stays_below(&place.location) {
            "elsewhere"
        } else {
            "outside"
        });
    }
    assert!(
        stays_below(&place.location),
        "{:?} leaves the root",
        place.location
    );
    let is_there = |below: &str| {
        below.starts_with('/')
            && below.trim_matches('/') == place.location.trim_matches('/')
            && stays_below(below)
    };
    assert!(
        place
            .homes()
            .filter_map(|home| as_path(&place.table_path).strip_prefix(as_path(home)))
            .any(is_there),
        "{place:?}: the path is not the table's place below any home of the root"
    );
    let moved = if place.relocated_from.is_some() {
        "moved"
    } else {
        "at home"
    };
    let uri = if place.table_path.contains("://") {
        "URI"
    } else {
        "path"
    };
    Reached::taken(format!("{moved} {uri}"))
}

fn root_of(place: &Place) -> &str {
    place.home().trim_end_matches('/')
}

fn as_path(text: &str) -> &str {
    match text.strip_prefix("file://") {
        Some(path) if path.starts_with('/') => path,
        _ => text,
    }
}

/// Whether every reading of a relative path stays strictly below where it begins: as it stands, with backslashes as
/// separators, percent-decoded once and twice, and cut off where a URI's path ends.
fn stays_below(relative: &str) -> bool {
    let once = percent_decoded(relative);
    let twice = percent_decoded(&once);
    let readings = [relative, &once, &twice].map(|text| text.replace('\\', "/"));
    readings.iter().all(|reading| {
        let path = reading.split(['?', '#']).next().unwrap_or_default();
        !reading.contains("://") && descends(reading) && descends(path)
    })
}

fn descends(path: &str) -> bool {
    let mut depth = 0_usize;
    for segment in path.trim_matches('/').split('/') {
        match segment {
            "" | "." => {}
            ".." if depth == 0 => return false,
            ".." => depth -= 1,
            // A drive, where there are drives.
            _ if segment.as_bytes().get(1) == Some(&b':') => return false,
            _ => depth += 1,
        }
    }
    depth > 0
}

fn percent_decoded(text: &str) -> String {
    let hex = |byte: Option<&u8>| char::from(*byte?).to_digit(16);
    let (bytes, mut decoded, mut index) = (text.as_bytes(), Vec::new(), 0);
    while let Some(byte) = bytes.get(index) {
        match (byte, hex(bytes.get(index + 1)), hex(bytes.get(index + 2))) {
            (b'%', Some(high), Some(low)) => {
                decoded.push(u8::try_from(high * 16 + low).unwrap());
                index += 3;
            }
            _ => {
                decoded.push(*byte);
                index += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// A local path and its URI name one place, and a slash at the end says nothing.
fn same_place_in_other_words(place: &Place) {
    let accepted = place.accepted();
    let mut others = vec![place.with_path(format!("{}/", place.table_path))];
    if place.table_path.starts_with('/') {
        others.push(place.with_path(format!("file://{}", place.table_path)));
    }
    others.push(Place {
        root: format!("{}/", place.root),
        ..place.clone()
    });
    others.push(Place {
        location: format!("/{}/", place.location),
        ..place.clone()
    });
    others.push(Place {
        relocated_from: Some(place.home().to_owned()),
        ..place.clone()
    });
    for other in others {
        assert_eq!(
            other.accepted(),
            accepted,
            "{place:?} and {other:?} are one place"
        );
    }
}

/// No refusal of a sidecar that any released writer could have written.
fn plainly_right(place: &Place) -> bool {
    let plain = |text: &str| {
        text.split('/').all(|segment| {
            !segment.is_empty()
                && segment
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        })
    };
    let right = |home: &str| {
        home.strip_prefix('/').is_some_and(plain)
            && place.table_path == format!("{home}/{}", place.location)
    };
    plain(&place.location) && place.homes().any(right)
}

pub(crate) fn mutate(bytes: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
    if dice.one_in(12) {
        return mutation::raw(bytes, other, dice);
    }
    let Some(bytes) = mutation::json(bytes, dice) else {
        return mutation::raw(bytes, other, dice);
    };
    let Ok(mut place) = serde_json::from_slice::<Place>(&bytes) else {
        return bytes;
    };
    // Most changes are made on both sides, as by who can write the catalog too; else nothing gets past the comparison.
    match dice.below(5) {
        0 => {}
        1 => {
            place.table_path = format!(
                "{}/{}",
                place.home(),
                mutation::other_text(&place.location, dice)
            )
        }
        2 => place.location = mutation::other_text(&place.location, dice),
        _ => {
            let home = root_of(&place);
            let home = if dice.one_in(2) { as_path(home) } else { home };
            place.table_path = format!("{home}/{}", place.location.trim_matches('/'));
        }
    }
    serde_json::to_vec(&place).unwrap()
}
