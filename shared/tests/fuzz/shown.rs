//! What may stand in a sentence.

use sidecar::explanation::{precondition_sentence, step_sentence, table_effect};
use sidecar::{Plan, Reason, Timestamp, explain};

/// Controls, and all of Unicode's `Bidi_Control`: what steers a terminal or turns the direction of a line.
fn steers(char: char) -> bool {
    char.is_control()
        || matches!(u32::from(char), 0x61c | 0x200e | 0x200f | 0x2028..=0x202e | 0x2066..=0x2069)
}

#[track_caller]
pub(crate) fn fit(text: &str) {
    let found = text.chars().find(|char| steers(*char));
    assert_eq!(found, None, "{text:?} is shown to people");
}

/// Every sentence about a plan can be made and shown, and those of the whole are sentences.
pub(crate) fn check(plan: &Plan, started_at: Option<Timestamp>, blockers: &[Reason]) {
    for blocker in blockers {
        fit(&blocker.detail);
        assert!(
            blocker.detail.chars().count() <= 2_001,
            "a reason stays short"
        );
    }
    let explanation = explain(plan, started_at, blockers);
    for sentence in [&explanation.headline, &explanation.consequence] {
        fit(sentence);
        assert!(sentence.ends_with('.'), "{sentence:?} is a sentence");
        assert!(
            sentence.chars().count() < 5_000,
            "an explanation stays short"
        );
    }
    for table in &plan.tables {
        fit(&table_effect(plan, table));
    }
    for step in &plan.steps {
        fit(&step_sentence(step));
        fit(&precondition_sentence(step.precondition()));
    }
}
