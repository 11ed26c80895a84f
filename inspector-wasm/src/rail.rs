//! Geometry of a version rail: where every version, mark and label of one table goes.
//!
//! A rail is laid out for the width it is drawn at, one unit per CSS pixel, so that lines fall on
//! pixels and text keeps its size on any screen.

mod labels;
mod stops;

use sidecar::observation::TransactionObservation;
use sidecar::{Action, PlannedTable};

pub use labels::Label;
use labels::{Lanes, text_width};
pub use stops::Stop;

/// Where the line of versions lies.
pub const AXIS: f64 = 56.0;
/// Baseline of the version numbers.
const NUMBERS: f64 = AXIS + 23.0;
/// Baseline of the first row of names under the numbers, and the distance between rows.
const NAMES: f64 = AXIS + 40.0;
const LANE: f64 = 15.0;
/// Baseline of the names of Lance operations, above the line.
const OPERATIONS: f64 = AXIS - 9.0;
/// Height of the bracket over what was intended, and the baseline of its name.
const BRACKET: f64 = AXIS - 29.0;
const BRACKET_NAME: f64 = BRACKET - 6.0;
/// Room at either end.
const MARGIN: f64 = 26.0;

/// What a rail shows.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The table as planned.
    pub table: &'a PlannedTable,
    /// The Lance transactions between pin and HEAD.
    pub transactions: &'a [TransactionObservation],
}

/// A part of the line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    /// Left end.
    pub from: f64,
    /// Right end.
    pub to: f64,
}

/// What is done, as an arrow under the line.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrow {
    /// Where it starts, bends and ends.
    pub path: String,
    /// Its head.
    pub head: String,
    /// What it says.
    pub label: Label,
}

/// A laid-out rail.
#[derive(Debug, Clone, PartialEq)]
pub struct Rail {
    /// Width in CSS pixels.
    pub width: f64,
    /// Height in CSS pixels.
    pub height: f64,
    /// The versions that are shown, in order.
    pub stops: Vec<Stop>,
    /// Where versions are left out.
    pub breaks: Vec<f64>,
    /// Versions up to the pin.
    pub published: Option<Span>,
    /// Versions above the pin.
    pub unpublished: Option<Span>,
    /// Versions the catalog shows and the table does not have.
    pub lost: Option<Span>,
    /// What the writer announced.
    pub intended: Option<(Span, Label)>,
    /// Names of Lance operations over the part of the line they made.
    pub operations: Vec<Label>,
    /// Names under the versions.
    pub names: Vec<Label>,
    /// What is done.
    pub arrow: Option<Arrow>,
}

impl Rail {
    /// Lays a rail out for a width.
    #[must_use]
    pub fn new(evidence: &Evidence<'_>, width: f64) -> Self {
        let table = evidence.table;
        let versions = stops::shown(table, width - 2.0 * MARGIN);
        let wanted = stops::spacing_min(&versions) * versions.len().saturating_sub(1) as f64;
        let width = width.max(wanted + 2.0 * MARGIN);
        let stops = stops::placed(table, &versions, MARGIN, width - MARGIN);
        let at = |version: Option<u64>| {
            let version = version?;
            stops
                .iter()
                .find(|stop| stop.version == version)
                .map(|stop| stop.x)
        };
        let first = stops.first().map_or(MARGIN, |stop| stop.x);
        let (pin, head) = (at(table.manifest_pinned), at(table.lance_head));
        let span = |from: Option<f64>, to: Option<f64>| match (from, to) {
            (Some(from), Some(to)) if from < to => Some(Span { from, to }),
            _ => None,
        };
        let reached = match (pin, head) {
            (Some(pin), Some(head)) => Some(pin.min(head)),
            (pin, _) => pin,
        };
        let mut lanes = Lanes::new(NAMES, LANE, width);
        let names = name_stops(table, &stops, &mut lanes);
        let arrow = arrow(table, at, lanes.bottom(), width);
        let height = arrow.as_ref().map_or(lanes.bottom(), |arrow| arrow.label.y) + 8.0;
        Self {
            breaks: stops::breaks(&stops),
            published: span(Some(first), reached),
            unpublished: span(pin, head),
            lost: span(head, pin),
            intended: span(
                at(Some(table.expected_version)),
                at(Some(table.post_commit_pin)),
            )
            .map(|span| {
                let label =
                    Label::centred("intended", (span.from + span.to) / 2.0, BRACKET_NAME, width);
                (span, label)
            }),
            operations: operations(evidence.transactions, &stops),
            names,
            arrow,
            width,
            height,
            stops,
        }
    }

    /// The bracket over what was intended.
    #[must_use]
    pub fn bracket(span: Span) -> String {
        let (from, to) = (crisp(span.from), crisp(span.to));
        let (low, high) = (px(BRACKET + 8.5), px(BRACKET + 0.5));
        format!("M{} {low}V{high}H{}V{low}", px(from), px(to))
    }

    /// Baseline of the version numbers.
    #[must_use]
    pub const fn numbers() -> f64 {
        NUMBERS
    }
}

/// A length as SVG wants it, to a tenth of a pixel. The formatting of floating-point numbers would
/// cost the module more than everything else about rails.
#[must_use]
pub fn px(length: f64) -> String {
    let tenths = (length * 10.0).round() as i64;
    let (whole, rest) = (tenths / 10, (tenths % 10).abs());
    if rest == 0 {
        whole.to_string()
    } else {
        format!("{whole}.{rest}")
    }
}

/// The middle of a pixel, so that a line of one pixel is one pixel.
fn crisp(x: f64) -> f64 {
    x.floor() + 0.5
}

/// The name of a commit that does not look like the write's.
pub const STRANGERS: &str = "a stranger’s";
/// The same where it is HEAD.
pub const STRANGERS_HEAD: &str = "HEAD, a stranger’s";

fn name_stops(table: &PlannedTable, stops: &[Stop], lanes: &mut Lanes) -> Vec<Label> {
    let mut names = Vec::new();
    for stop in stops {
        let is = |version: Option<u64>| version == Some(stop.version);
        let text = match (is(table.manifest_pinned), is(table.lance_head)) {
            (true, true) => "published = HEAD",
            (true, false) => "published",
            (false, true) if stop.stranger => STRANGERS_HEAD,
            (false, true) => "HEAD",
            (false, false) if stop.stranger => STRANGERS,
            (false, false) if is(table.publish_as) => "new",
            (false, false) if stop.version == table.expected_version => "expected",
            (false, false) => continue,
        };
        names.push(lanes.place(text, stop.x));
    }
    names
}

fn operations(transactions: &[TransactionObservation], stops: &[Stop]) -> Vec<Label> {
    let between = |pair: &[Stop]| {
        let [before, stop] = pair else { return None };
        if stop.version != before.version.saturating_add(1) {
            return None;
        }
        let made = transactions
            .iter()
            .find(|entry| entry.version == stop.version)?;
        let transaction = made.transaction.as_ref()?;
        let number = match (transaction.restored_version, transaction.row_delta) {
            (Some(version), _) => Some(version.to_string()),
            (None, Some(rows)) if rows != 0 => Some(format!("{rows:+}")),
            (None, _) => None,
        };
        let name = &transaction.operation;
        let room = stop.x - before.x - 16.0;
        let text = match number {
            Some(number) => {
                let both = format!("{name} {number}");
                // Where there is little room the number says more than half a word.
                match labels::text_width(&both) <= room {
                    true => both,
                    false => labels::shortened(&number, room)?,
                }
            }
            None => labels::shortened(name, room)?,
        };
        Some(Label {
            text,
            x: (before.x + stop.x) / 2.0,
            y: OPERATIONS,
        })
    };
    stops.windows(2).filter_map(between).collect()
}

fn arrow(
    table: &PlannedTable,
    at: impl Fn(Option<u64>) -> Option<f64>,
    top: f64,
    width: f64,
) -> Option<Arrow> {
    let (from, text) = match table.action {
        Action::Publish => (
            table.manifest_pinned,
            format!("publish {}", table.publish_as?),
        ),
        Action::RestoreAndPublish => {
            let to = table.publish_as?;
            (
                table.restore_to,
                format!("restore {} as {to}, publish {to}", table.restore_to?),
            )
        }
        Action::Restore => (
            table.restore_to,
            format!("restore {} as {}", table.restore_to?, table.head_after()?),
        ),
        Action::None | Action::Register | Action::Tombstone | Action::Drop => return None,
    };
    let (from, to) = (
        crisp(at(from)?),
        crisp(at(table.publish_as.or(table.head_after()))?),
    );
    if to - from < 16.0 {
        return None;
    }
    let (start, floor, tip) = (top + 5.0, top + 19.5, top + 4.0);
    let bend = px(floor - 6.0);
    let path = format!(
        "M{left} {}V{bend}Q{left} {bottom} {} {bottom}H{}Q{right} {bottom} {right} {bend}V{}",
        px(start),
        px(from + 6.0),
        px(to - 6.0),
        px(tip + 6.0),
        left = px(from),
        right = px(to),
        bottom = px(floor),
    );
    let head = format!(
        "M{} {}L{} {}H{}Z",
        px(to),
        px(tip),
        px(to - 4.5),
        px(tip + 8.0),
        px(to + 4.5)
    );
    let label = Label::centred(&text, (from + to) / 2.0, floor + 15.0, width);
    Some(Arrow { path, head, label })
}

#[cfg(test)]
mod tests;
