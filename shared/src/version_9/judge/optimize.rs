//! `Optimize`: compaction and indices, by the rules of version 2. It plans no transaction, so none can be proven to be its own.

use super::found::Found;
use super::table::Standing;
use super::words::versions;
use crate::code::{Code, Reason};
use crate::disposition::Disposition;

pub(super) fn disposition(standings: &[Standing<'_>]) -> Found {
    let (moved, at_pin): (Vec<_>, Vec<_>) = standings
        .iter()
        .partition(|standing| standing.head() > Some(standing.visible_version()));
    if moved.is_empty() {
        return none_moved(&at_pin);
    }
    let is_planned_on =
        |standing: &&Standing<'_>| standing.visible_version() == standing.pin.expected_version;
    let reasons = moved.iter().filter_map(|standing| foreign(standing));
    Found {
        disposition: if at_pin.is_empty() && moved.iter().all(is_planned_on) {
            Disposition::RollForward
        } else {
            Disposition::RollBack
        },
        reasons: reasons.collect(),
    }
}

fn none_moved(standings: &[&Standing<'_>]) -> Found {
    let is_advanced =
        |standing: &&&Standing<'_>| standing.visible_version() > standing.pin.expected_version;
    if !standings.iter().any(|standing| is_advanced(&standing)) {
        return Disposition::NeverStarted.into();
    }
    let is_all_maintenance = standings
        .iter()
        .all(|standing| standing.foreign_since_expected().is_empty());
    if is_all_maintenance {
        Disposition::AlreadyPublished.into()
    } else {
        Disposition::Superseded.into()
    }
}

fn foreign(standing: &Standing<'_>) -> Option<Reason> {
    let foreign = standing.foreign_besides_maintenance();
    (!foreign.is_empty()).then(|| {
        Reason::new(
            Code::Interleaved,
            format!(
                "{} has commits above version {} that change rows, which no compaction does: {}",
                standing.pin.table_key,
                standing.visible_version(),
                versions(&foreign)
            ),
        )
    })
}
