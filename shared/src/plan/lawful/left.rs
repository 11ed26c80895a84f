//! The steps of a plan that are left to be compared, and what every lawful plan has in common.

use crate::code::Requirement;
use crate::plan::{Plan, Precondition, Step};

/// The own file of the operation, and no other.
pub(super) fn own_file(plan: &Plan) -> Result<(), String> {
    if plan.file == plan.operation_id.file_name() {
        Ok(())
    } else {
        Err(format!(
            "its file is {:?}, and not {}, that of its operation",
            plan.file,
            plan.operation_id.file_name()
        ))
    }
}

pub(super) fn requires(plan: &Plan, requirement: Requirement) -> Result<(), String> {
    if plan.requires.contains(&requirement) {
        Ok(())
    } else {
        Err(format!("it does not require {requirement}"))
    }
}

/// The steps that are left to be compared.
pub(super) struct Left<'a>(pub(super) &'a [Step]);

impl<'a> Left<'a> {
    pub(super) fn take_if(&mut self, is_it: impl Fn(&Step) -> bool) -> Option<&'a Step> {
        let (first, rest) = self.0.split_first()?;
        is_it(first).then(|| {
            self.0 = rest;
            first
        })
    }

    /// Takes a step that was laid down anew.
    pub(super) fn take(&mut self, expected: &Step) -> Result<(), String> {
        if self.take_if(|step| step == expected).is_some() {
            return Ok(());
        }
        let found = self.0.first().map_or("nothing", Step::kind);
        Err(format!(
            "where its tables lead to the step {}, it has another, of kind {found}",
            serde_json::to_string(expected).unwrap_or_default()
        ))
    }

    pub(super) fn take_all(
        &mut self,
        expected: impl IntoIterator<Item = Step>,
    ) -> Result<(), String> {
        expected.into_iter().try_for_each(|step| self.take(&step))
    }

    pub(super) fn end(self) -> Result<(), String> {
        match self.0.first() {
            None => Ok(()),
            Some(step) => Err(format!(
                "nothing leads to its step of kind {} at that place",
                step.kind()
            )),
        }
    }
}

pub(super) fn record() -> Step {
    Step::Record {
        precondition: Precondition::StepsDone,
    }
}

pub(super) fn retire(file: &str) -> Step {
    Step::Retire {
        file: file.to_owned(),
        precondition: Precondition::Recorded,
    }
}

pub(super) fn fence() -> Step {
    Step::FenceCatalog {
        precondition: Precondition::PinsAsPlanned,
    }
}
