//! Which versions a rail shows, and where.

use sidecar::PlannedTable;

use super::text_width;

/// The closest two versions come, if their numbers are short.
const SPACING_MIN: f64 = 46.0;
/// Versions shown at most however wide the rail is; more would be read as a ruler.
const STOPS_MAX: usize = 9;

/// One version on the line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stop {
    /// The version.
    pub version: u64,
    /// Where it is.
    pub x: f64,
    /// The published version.
    pub pin: bool,
    /// The latest Lance version.
    pub head: bool,
    /// A version that recovery makes.
    pub new: bool,
    /// It does not exist yet.
    pub future: bool,
    /// A commit that does not look like this write's.
    pub stranger: bool,
}

/// Distance that keeps the numbers of these versions apart.
pub fn spacing_min(versions: &[u64]) -> f64 {
    let widest = versions
        .last()
        .map_or(0.0, |version| text_width(&version.to_string()));
    SPACING_MIN.max(widest * 1.15 + 12.0)
}

/// The versions to show in this much room: every one that means something, then its neighbours.
pub fn shown(table: &PlannedTable, room: f64) -> Vec<u64> {
    let (expected, intended) = (table.expected_version, table.post_commit_pin);
    let meaningful = [
        Some(expected),
        Some(intended),
        table.manifest_pinned,
        table.lance_head,
        table.restore_to,
        table.publish_as,
    ];
    let mut chosen: Vec<u64> = Vec::new();
    let choose = |chosen: &mut Vec<u64>, version: u64| {
        if let Err(place) = chosen.binary_search(&version) {
            chosen.insert(place, version);
        }
    };
    for version in meaningful.into_iter().flatten() {
        choose(&mut chosen, version);
    }
    let highest = chosen.last().copied().unwrap_or_default();
    let stops_max = |chosen: &[u64]| ((room / spacing_min(chosen)) as usize + 1).min(STOPS_MAX);

    // Neighbours, the most telling first: versions above the pin, versions before it, and one more at the end.
    let pin = table.manifest_pinned.unwrap_or(expected);
    let head = table.lance_head.unwrap_or(pin);
    let above = (1..=4).flat_map(|step| [pin.checked_add(step), head.checked_sub(step)]);
    let above = above
        .flatten()
        .filter(|version| (pin..=head).contains(version));
    let around = [
        pin.checked_sub(1),
        highest.checked_add(1),
        pin.checked_sub(2),
        pin.checked_sub(3),
    ];
    for version in above
        .chain(around.into_iter().flatten())
        .filter(|version| *version > 0)
    {
        if chosen.len() >= stops_max(&chosen) {
            break;
        }
        choose(&mut chosen, version);
    }
    chosen
}

/// Puts versions at even distances.
pub fn placed(table: &PlannedTable, versions: &[u64], from: f64, to: f64) -> Vec<Stop> {
    let gaps = versions.len().saturating_sub(1).max(1) as f64;
    let exists_up_to = table
        .lance_head
        .or(table.manifest_pinned)
        .unwrap_or(u64::MAX);
    versions
        .iter()
        .enumerate()
        .map(|(index, version)| Stop {
            version: *version,
            x: (from + (to - from) * index as f64 / gaps).round(),
            pin: table.manifest_pinned == Some(*version),
            head: table.lance_head == Some(*version),
            new: table.publish_as == Some(*version) && table.lance_head != Some(*version),
            future: *version > exists_up_to,
            stranger: table
                .unexpected
                .iter()
                .any(|commit| commit.version == *version),
        })
        .collect()
}

/// The middles of gaps that leave versions out.
pub fn breaks(stops: &[Stop]) -> Vec<f64> {
    let skips = stops
        .windows(2)
        .filter(|pair| pair[1].version - pair[0].version > 1);
    skips
        .map(|pair| ((pair[0].x + pair[1].x) / 2.0).round())
        .collect()
}
