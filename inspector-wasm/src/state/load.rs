//! Something that is asked for again and again: a failure never wipes what was read before.

use std::rc::Rc;

use super::failure::Failure;

/// The last good answer, the last failure, and whether a question is under way.
#[derive(Debug)]
pub struct Load<T> {
    /// The last good answer.
    pub value: Option<Rc<T>>,
    /// Why the last question has no answer; gone with the next good one.
    pub failure: Option<Failure>,
    /// Whether a question is under way.
    pub asking: bool,
}

impl<T> Load<T> {
    /// A question was sent.
    pub const fn asked(&mut self) {
        self.asking = true;
    }

    /// Its answer came.
    pub fn answered(&mut self, answer: Result<Rc<T>, Failure>) {
        self.asking = false;
        match answer {
            Ok(value) => {
                self.value = Some(value);
                self.failure = None;
            }
            Err(failure) => self.failure = Some(failure),
        }
    }
}

impl<T> Default for Load<T> {
    fn default() -> Self {
        Self {
            value: None,
            failure: None,
            asking: false,
        }
    }
}

impl<T> Clone for Load<T> {
    fn clone(&self) -> Self {
        Self {
            value: self.value.clone(),
            failure: self.failure.clone(),
            asking: self.asking,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_keeps_what_was_read_and_a_good_answer_clears_it() {
        let mut load = Load::default();
        load.asked();
        load.answered(Ok(Rc::new(1)));
        load.answered(Err(Failure::Unreachable));
        assert_eq!(
            (load.value.as_deref(), load.failure.is_some(), load.asking),
            (Some(&1), true, false)
        );
        load.answered(Ok(Rc::new(2)));
        assert_eq!(
            (load.value.as_deref(), load.failure.is_some()),
            (Some(&2), false)
        );
    }
}
