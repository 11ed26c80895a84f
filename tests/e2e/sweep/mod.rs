//! Every storage operation of a recovery, struck by every fault, and every invariant checked after every run.
//!
//! A gate in front of the store sees each request, of our own objects and of Lance's. An undisturbed recovery counts what each
//! fault could strike. Then, for every fault and every such request, a fresh copy of the store is recovered with that one fault,
//! everything in memory is dropped, and it is recovered again with none. What is known then is the [`evidence`]; it is held
//! against every one of the [`invariants`]. That the checkers see what they are there for is shown by the [`planted`] bugs.
//!
//! A fault whose request is never sent fails the sweep. Whatever needs minutes more runs with `SIDECAR_LONG=1` only, which is
//! what `make test-long` sets.

mod evidence;
mod faults;
mod invariants;
mod pairs;
mod planted;
mod script;
mod singles;
mod snapshot;
mod world;
