//! Circles among files, and whether they are the known ones.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::ties::Ties;

/// Files that all import from each other, directly or through others.
pub type Circle = BTreeSet<String>;

pub fn circles(ties: &Ties) -> Vec<Circle> {
    let reached: BTreeMap<&String, BTreeSet<&String>> = ties
        .keys()
        .map(|file| (file, reachable(ties, file)))
        .collect();
    let mut circles = BTreeSet::new();
    for (file, ahead) in &reached {
        let circle: Circle = ahead
            .iter()
            .filter(|other| reached.get(*other).is_some_and(|back| back.contains(file)))
            .map(|other| (*other).clone())
            .collect();
        if circle.len() > 1 {
            circles.insert(circle);
        }
    }
    circles.into_iter().collect()
}

fn reachable<'a>(ties: &'a Ties, from: &String) -> BTreeSet<&'a String> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&String> = ties
        .get(from)
        .into_iter()
        .flat_map(BTreeMap::keys)
        .collect();
    while let Some(file) = open.pop() {
        if reached.insert(file) {
            open.extend(ties.get(file).into_iter().flat_map(BTreeMap::keys));
        }
    }
    reached
}

/// The shortest way round that begins at one of `starts`, one line for each import on it.
pub fn example(ties: &Ties, circle: &Circle, starts: &Circle) -> String {
    let shortest = starts
        .iter()
        .filter_map(|file| way_round(ties, circle, file))
        .min_by_key(Vec::len)
        .unwrap_or_default();
    let mut text = String::new();
    for step in shortest.windows(2) {
        text.push_str(&sentence(ties, &step[0], &step[1]));
    }
    text
}

/// Every import between two files of the circle.
fn every_tie(ties: &Ties, circle: &Circle) -> String {
    let mut text = String::new();
    for from in circle {
        for to in ties.get(from).into_iter().flat_map(BTreeMap::keys) {
            if circle.contains(to) {
                text.push_str(&sentence(ties, from, to));
            }
        }
    }
    text
}

fn sentence(ties: &Ties, from: &str, to: &str) -> String {
    let items = &ties[from][to];
    let line = items.values().min().copied().unwrap_or_default();
    let names: Vec<&str> = items.keys().map(String::as_str).collect();
    format!("  {from}:{line} imports {} from {to}\n", names.join(", "))
}

fn way_round(ties: &Ties, circle: &Circle, start: &String) -> Option<Vec<String>> {
    let mut came_from: BTreeMap<&String, &String> = BTreeMap::new();
    let mut open = VecDeque::from([start]);
    while let Some(file) = open.pop_front() {
        for next in ties.get(file).into_iter().flat_map(BTreeMap::keys) {
            if next == start {
                let mut way = vec![start.clone(), file.clone()];
                let mut at = file;
                while let Some(earlier) = came_from.get(at) {
                    at = earlier;
                    way.push(at.clone());
                }
                way.reverse();
                return Some(way);
            }
            if circle.contains(next) && !came_from.contains_key(next) {
                came_from.insert(next, file);
                open.push_back(next);
            }
        }
    }
    None
}

/// For each circle that is not known as it is, and for each known one that is no longer so: what to do about it.
pub fn complaints(known: &[Circle], found: &[Circle], ties: &Ties) -> Vec<String> {
    let unknown = found
        .iter()
        .filter(|circle| !known.iter().any(|known| circle.is_subset(known)))
        .map(|circle| unknown_circle(known, circle, ties));
    let changed = known
        .iter()
        .filter(|circle| !found.iter().any(|found| circle.is_subset(found)))
        .map(|circle| changed_circle(circle, found));
    unknown.chain(changed).collect()
}

fn unknown_circle(known: &[Circle], circle: &Circle, ties: &Ties) -> String {
    let mut new = circle.clone();
    for known in known.iter().filter(|known| known.is_subset(circle)) {
        new.retain(|file| !known.contains(file));
    }
    // Two known circles can have become one without a new file.
    if new.is_empty() {
        new.clone_from(circle);
    }
    let opening = match new.len() == circle.len() {
        true => format!(
            "These {} files import from each other in a circle:",
            circle.len()
        ),
        false => format!("A known circle of imports now takes in {}:", listed(&new)),
    };
    let example = example(ties, circle, &new);
    let advice = "Move the items that both sides need into a file that imports from neither.";
    let rest = match every_tie(ties, circle) {
        all if all == example => String::new(),
        all => format!("All imports of the circle:\n{all}"),
    };
    format!("{opening}\n{example}{advice}\n{rest}")
}

fn changed_circle(circle: &Circle, found: &[Circle]) -> String {
    let left: Vec<&Circle> = found
        .iter()
        .filter(|found| found.is_subset(circle))
        .collect();
    match left.as_slice() {
        [] => format!(
            "A known circle of imports is gone. Take it off the list KNOWN: {}\n",
            listed(circle)
        ),
        left => format!(
            "A known circle of imports has become smaller. In the list KNOWN, replace: {}\nby: {}\n",
            listed(circle),
            left.iter()
                .map(|circle| format!("&{:?}", Vec::from_iter(*circle)))
                .collect::<Vec<_>>()
                .join(", ")
        ),
    }
}

fn listed(circle: &Circle) -> String {
    let files: Vec<&str> = circle.iter().map(String::as_str).collect();
    files.join(", ")
}
