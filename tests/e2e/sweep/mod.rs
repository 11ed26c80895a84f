//! Every storage operation of a recovery, and of what follows from one, struck by every fault; every invariant is checked after
//! every run.
//!
//! A gate in front of the store sees each request, of our own objects and of Lance's. An undisturbed execution counts what each
//! fault could strike. Then, for every fault and every such request, the plan is carried out in a fresh copy of the store with that
//! one fault, everything in memory is dropped, and it is carried out again with none. The [`evidence`] is what is known then; it
//! is held against every one of the [`invariants`], and against what the scenario [`wants`]. That the checkers see what they are
//! there for is shown by the [`planted`] bugs.
//!
//! A fault whose request is never sent fails the sweep. Whatever needs minutes more runs with `SIDECAR_LONG=1` only, which is
//! what `make test-long` sets.

mod consent;
mod evidence;
mod faults;
mod invariants;
mod mended;
mod pairs;
mod planted;
mod report;
mod script;
mod singles;
mod snapshot;
mod subject;
mod wants;
mod world;
