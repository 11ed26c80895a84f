//! All or nothing: one decision for all tables of a sidecar (PROTOCOL.md, section 4.1).

use serde::{Deserialize, Serialize};

use crate::classification::Classification;

/// What the classifications of a sidecar's tables add up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Decision {
    /// Every table is where the writer announced it: finish the write.
    RollForward,
    /// Some table is not: undo the write.
    RollBack,
    /// Some table contradicts the catalog: touch nothing.
    Abort,
}

impl Decision {
    /// The name, spelled as in PROTOCOL.md, section 4.1.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RollForward => "RollForward",
            Self::RollBack => "RollBack",
            Self::Abort => "Abort",
        }
    }
}

/// The worst classification wins; the order of tables does not matter.
///
/// No tables at all is vacuously `RollForward`, as in the released engines; [`crate::judge`] says what that means for people.
#[must_use]
pub fn decide(classifications: &[Classification]) -> Decision {
    classifications
        .iter()
        .fold(Decision::RollForward, |decision, classification| {
            decision.max(match classification {
                Classification::RolledPastExpected => Decision::RollForward,
                Classification::NoMovement
                | Classification::UnexpectedAtP1
                | Classification::UnexpectedMultistep
                | Classification::IncompletePhaseB => Decision::RollBack,
                Classification::InvariantViolation { .. } => Decision::Abort,
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Classification; 6] = [
        Classification::NoMovement,
        Classification::RolledPastExpected,
        Classification::UnexpectedAtP1,
        Classification::UnexpectedMultistep,
        Classification::IncompletePhaseB,
        Classification::InvariantViolation { observed: 3 },
    ];

    #[test]
    fn every_combination_of_three_tables_follows_the_worst_in_any_order() {
        for first in ALL {
            for second in ALL {
                for third in ALL {
                    let tables = [first, second, third];
                    let violated = tables
                        .iter()
                        .any(|table| matches!(table, Classification::InvariantViolation { .. }));
                    let finished = tables
                        .iter()
                        .all(|table| *table == Classification::RolledPastExpected);
                    let expected = match (violated, finished) {
                        (true, _) => Decision::Abort,
                        (false, true) => Decision::RollForward,
                        (false, false) => Decision::RollBack,
                    };
                    for order in [
                        [0, 1, 2],
                        [0, 2, 1],
                        [1, 0, 2],
                        [1, 2, 0],
                        [2, 0, 1],
                        [2, 1, 0],
                    ] {
                        assert_eq!(
                            decide(&order.map(|index| tables[index])),
                            expected,
                            "{tables:?}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn no_tables_is_vacuously_roll_forward() {
        assert_eq!(decide(&[]), Decision::RollForward);
    }
}
