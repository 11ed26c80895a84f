//! What a crashed graph is made of: how it is prepared, which write is struck down where, and what happens after.

use crate::step::Step;

#[derive(Clone, Debug)]
pub struct Shape {
    pub name: &'static str,
    /// What happened, for `expected.json`.
    pub crash: &'static str,
    /// What the product should make of the oldest sidecar; `none` where there is no sidecar.
    pub disposition: &'static str,
    pub prepare: Vec<Step>,
    pub strike: Option<Strike>,
    pub after: Vec<Step>,
}

/// A write in a process of its own, and how that process ends.
#[derive(Clone, Debug)]
pub struct Strike {
    pub write: Step,
    pub end: End,
    /// Another strike in the middle of this one.
    pub meanwhile: Option<(Moment, Box<Strike>)>,
}

#[derive(Clone, Copy, Debug)]
pub enum End {
    /// The process dies at this failpoint.
    Dies(&'static str),
    /// The process dies when it comes to this failpoint for the second time.
    DiesAgain(&'static str),
    /// The failpoint gives an error to the writer, which tidies up what it can.
    Fails(&'static str),
    /// The storage takes no commit of this table on this branch.
    Obstructed(&'static str, Option<&'static str>),
    /// The write ends well; its sidecar stays, since deleting that fails.
    Lingers,
}

#[derive(Clone, Copy, Debug)]
pub enum Moment {
    /// After the writer opened the graph.
    Opened,
    /// When the writer comes to this failpoint.
    At(&'static str),
}

impl Strike {
    pub fn new(write: Step, end: End) -> Self {
        Self {
            write,
            end,
            meanwhile: None,
        }
    }

    pub fn while_it(mut self, moment: Moment, other: Self) -> Self {
        self.meanwhile = Some((moment, Box::new(other)));
        self
    }

    /// The strike at this depth: 0 is this one, 1 the one in the middle of it.
    pub fn at_depth(&self, depth: usize) -> Option<&Self> {
        match depth {
            0 => Some(self),
            _ => self.meanwhile.as_ref()?.1.at_depth(depth - 1),
        }
    }
}
