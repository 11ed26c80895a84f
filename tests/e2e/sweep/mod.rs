//! Every storage operation of a recovery, struck by every fault, and every invariant checked after every run.

mod evidence;
mod faults;
mod invariants;
mod pairs;
mod planted;
mod singles;
mod snapshot;
mod world;
