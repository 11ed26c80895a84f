//! The report on an attempt that a person ends.

use crate::api::{EndReport, StepProgress};
use crate::apply_report::EffectOn;
use crate::ids::OperationId;
use crate::journal::{Attempt, EndedBy};

impl EndReport {
    /// The attempt, which this person ends.
    #[must_use]
    pub fn of(operation: &OperationId, attempt: &Attempt, ended_by: EndedBy) -> Self {
        let unclear = attempt.begun_not_done();
        let published = match attempt.published_at() {
            Some(_) => " Its publish stands, and is not undone once the operation is planned anew.",
            None => "",
        };
        Self {
            operation_id: operation.clone(),
            plan_digest: attempt.bytes.digest(),
            tables: attempt.table_outcomes(&unclear),
            catalog: EffectOn {
                effect: attempt.catalog_effect(&unclear),
            },
            steps: StepProgress::of_attempt(attempt),
            detail: format!(
                "{} ended the attempt: {}. The steps that were done stay done; {}.{published} The operation is open: look at the plan as it is now, and approve that",
                ended_by.name,
                ended_by.reason.trim_end_matches('.'),
                what_is_known(&unclear)
            ),
            ended_by,
        }
    }
}

fn what_is_known(unclear: &[usize]) -> String {
    if unclear.is_empty() {
        return "every step that was begun is known to be done".to_owned();
    }
    let named: Vec<String> = unclear.iter().map(|step| (step + 1).to_string()).collect();
    format!(
        "nobody knows whether these steps were done, which were begun: {}",
        named.join(", ")
    )
}
