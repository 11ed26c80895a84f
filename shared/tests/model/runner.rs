//! Visits the worlds of a case: for what does not hold, for what can come to be stored, and for where it cannot end.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use stateright::{Checker, Expectation, HasDiscoveries, Model};

use crate::approving::pending;
use crate::flaw::Flaw;
use crate::properties::is_over;
use crate::world::{Recovery, World};

pub(crate) fn checked(model: Recovery) {
    let wrong = violated(model);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What does not hold, and how it comes about; what never comes about though it must. The first thing that does not hold ends the
/// search: where a rule is broken, there may be no end of worlds.
pub(crate) fn violated(model: Recovery) -> Vec<String> {
    let begun = std::time::Instant::now();
    let checker = model
        .checker()
        .threads(2)
        .finish_when(HasDiscoveries::AnyFailures)
        .spawn_bfs()
        .join();
    println!(
        "{model:?}: {} states, {} transitions, {} deep, {:.1?}",
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth(),
        begun.elapsed()
    );
    let discoveries = checker.discoveries();
    let properties = checker.model().properties();
    let is_broken = properties.iter().any(|property| {
        property.expectation == Expectation::Always && discoveries.contains_key(property.name)
    });
    properties
        .into_iter()
        .filter_map(
            |property| match (property.expectation, discoveries.get(property.name)) {
                (Expectation::Always, Some(path)) => {
                    let acts = path.clone().into_actions();
                    Some(format!("not so: {}, after {acts:?}", property.name))
                }
                (Expectation::Sometimes, None) if !is_broken => {
                    Some(format!("never: {}", property.name))
                }
                _ => None,
            },
        )
        .collect()
}

fn fingerprint(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// What can be stored and told, whatever actors are at. Approvals that nobody claimed are left out, as no effect depends on them.
pub(crate) fn stored(model: &Recovery) -> HashSet<u64> {
    let mut stored = HashSet::new();
    let mut known: HashSet<_> = HashSet::new();
    let mut pending = model.init_states();
    let mut acts = Vec::new();
    while let Some(world) = pending.pop() {
        if !known.insert(fingerprint(&world)) || !model.within_boundary(&world) {
            continue;
        }
        let store = &world.store;
        let state = &store.journal.state;
        stored.insert(fingerprint(&(
            (&store.tables, store.pins, &store.catalog),
            (store.claimed, store.file, store.closed),
            (store.journal.attempted(), store.journal.outcome()),
            state.attempt().map(|attempt| {
                let steps = attempt.started.iter();
                steps
                    .map(|(step, on)| match attempt.done.contains_key(step) {
                        true => (*step, None),
                        false => (*step, Some(*on)),
                    })
                    .collect::<Vec<_>>()
            }),
            world.writers.each_ref().map(|writer| writer.acknowledged),
        )));
        model.actions(&world, &mut acts);
        let next = acts.drain(..);
        pending.extend(next.filter_map(|act| model.next_state(&world, act)));
    }
    stored
}

/// The longest case has 1.7 million worlds. More than this many fill the memory, and only a broken rule leads to so many.
const WORLDS_MAX: usize = 3_000_000;

/// Every world that can come about from which no way leads to an end: one where the operation is resolved, or where there is nothing
/// that could be approved, with reasons that a person can read. The first of them, if there is any.
pub(crate) fn stuck(model: &Recovery) -> (usize, Option<World>) {
    let mut places = HashMap::new();
    let (mut worlds, mut came_from, mut ends) = (Vec::new(), Vec::<Vec<usize>>::new(), Vec::new());
    let mut pending: Vec<(World, Option<usize>)> = model
        .init_states()
        .into_iter()
        .map(|world| (world, None))
        .collect();
    let mut acts = Vec::new();
    while let Some((world, from)) = pending.pop() {
        let place = *places.entry(fingerprint(&world)).or_insert(worlds.len());
        let is_new = place == worlds.len();
        if is_new {
            came_from.push(Vec::new());
            if is_over(&world) || needs_a_person(&world, model.flaw) {
                ends.push(place);
            }
            model.actions(&world, &mut acts);
            let next = acts.drain(..);
            pending.extend(
                next.filter_map(|act| model.next_state(&world, act))
                    .map(|next| (next, Some(place))),
            );
            worlds.push(world);
            assert!(worlds.len() < WORLDS_MAX, "there is no end of worlds");
        }
        came_from[place].extend(from);
    }
    let mut can_end = vec![false; worlds.len()];
    while let Some(place) = ends.pop() {
        if !std::mem::replace(&mut can_end[place], true) {
            ends.extend(&came_from[place]);
        }
    }
    let count = worlds.len();
    let mut stuck = worlds.into_iter().zip(can_end).filter(|(_, can)| !can);
    (count, stuck.next().map(|(world, _)| world))
}

/// Nobody is at it, and nothing that is there could be approved.
fn needs_a_person(world: &World, flaw: Flaw) -> bool {
    world.store.journal.state.attempt().is_none() && pending(&world.store, flaw).is_none()
}

pub(crate) fn is_long() -> bool {
    std::env::var_os("SIDECAR_LONG").is_some()
}
