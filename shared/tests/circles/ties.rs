//! Which file imports which item of which other file.

use std::collections::BTreeMap;

use crate::package::{Found, Package};
use crate::scope::Brings;

/// From a file to the files it imports from: the items, each with the first line that names it.
pub type Ties = BTreeMap<String, BTreeMap<String, BTreeMap<String, usize>>>;

pub fn ties(package: &Package) -> Ties {
    let mut ties = Ties::new();
    for index in 0..package.modules.len() {
        if !package.modules[index].is_test {
            collect(package, index, &mut ties);
        }
    }
    ties
}

fn collect(package: &Package, index: usize, ties: &mut Ties) {
    let module = &package.modules[index];
    let mut tie = |found: &Found, line: usize| {
        for item in &found.items {
            let target = &package.modules[item.module].file;
            if *target != module.file {
                let lines = ties
                    .entry(module.file.clone())
                    .or_default()
                    .entry(target.clone())
                    .or_default();
                let first = lines.entry(item.name.clone()).or_insert(line);
                *first = line.min(*first);
            }
        }
    };
    for import in &module.scope.imports {
        let Brings::Name(name) = &import.brings else {
            continue;
        };
        let mut found = package.resolve(index, &import.path);
        if import.is_public {
            // A parent that shows what its children define imports it only if it uses it as well.
            let mut shown = found.clone();
            shown
                .items
                .retain(|item| package.is_below(item.module, index));
            found
                .items
                .retain(|item| !package.is_below(item.module, index));
            if let Some(line) = module.scope.mentions.get(name) {
                tie(&shown, *line);
            }
        }
        tie(&found, import.line);
    }
    for path in &module.scope.paths {
        tie(&package.resolve(index, &path.segments), path.line);
    }
    let has_globs = module
        .scope
        .imports
        .iter()
        .any(|import| import.brings == Brings::Everything);
    if has_globs {
        for (name, line) in &module.scope.mentions {
            tie(&package.lookup(index, name), *line);
        }
    }
}
