//! The modules of one crate, and the file and item that each path in it leads to.

use std::collections::{BTreeMap, BTreeSet};

use crate::scope::{self, Body, Brings, Scope};
use crate::tokens::tokens;

/// Reads a file by its path, if it is there.
pub type ReadFile<'a> = &'a dyn Fn(&str) -> Option<String>;

#[derive(Debug)]
pub struct Package {
    pub modules: Vec<Module>,
}

#[derive(Debug)]
pub struct Module {
    pub file: String,
    pub parent: Option<usize>,
    /// Two of one name where each is for another platform.
    pub children: BTreeMap<String, Vec<usize>>,
    pub scope: Scope,
    /// In tests only, as is all below it.
    pub is_test: bool,
}

/// All that a name or a path can stand for: a module and a function may have the same name.
#[derive(Clone, Debug, Default)]
pub struct Found {
    pub modules: BTreeSet<usize>,
    pub items: BTreeSet<Item>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Item {
    /// The module that defines it.
    pub module: usize,
    pub name: String,
}

impl Found {
    fn is_empty(&self) -> bool {
        self.modules.is_empty() && self.items.is_empty()
    }

    fn join(&mut self, other: Found) {
        self.modules.extend(other.modules);
        self.items.extend(other.items);
    }
}

/// Where the files of child modules lie.
struct Place {
    /// The folder of children that have a file of their own.
    children: String,
    /// The folder that `#[path]` starts from.
    paths: String,
}

impl Package {
    /// All modules below the file of a crate's root.
    pub fn read(root: &str, read: ReadFile<'_>) -> Result<Self, String> {
        let mut package = Package {
            modules: Vec::new(),
        };
        package.file(root, None, false, true, read)?;
        Ok(package)
    }

    /// `is_in_its_folder`: the children's files lie beside this one, as those of a root, of a `mod.rs`, and of a file named by
    /// `#[path]`.
    fn file(
        &mut self,
        file: &str,
        parent: Option<usize>,
        is_test: bool,
        is_in_its_folder: bool,
        read: ReadFile<'_>,
    ) -> Result<usize, String> {
        let text = read(file).ok_or_else(|| format!("{file} cannot be read"))?;
        let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
        let children = match is_in_its_folder {
            true => folder,
            false => file.trim_end_matches(".rs"),
        };
        let place = Place {
            children: children.to_owned(),
            paths: folder.to_owned(),
        };
        self.module(
            file,
            parent,
            scope::scope(&tokens(&text)),
            is_test,
            &place,
            read,
        )
    }

    fn module(
        &mut self,
        file: &str,
        parent: Option<usize>,
        mut scope: Scope,
        is_test: bool,
        place: &Place,
        read: ReadFile<'_>,
    ) -> Result<usize, String> {
        let is_test = is_test || scope.is_test;
        let children = std::mem::take(&mut scope.children);
        let module = self.modules.len();
        self.modules.push(Module {
            file: file.to_owned(),
            parent,
            children: BTreeMap::new(),
            scope,
            is_test,
        });
        for child in children {
            let is_test = is_test || child.is_test;
            let below = joined(&place.children, &child.name);
            let index = match child.body {
                Body::Inline(scope) => {
                    let place = Place {
                        children: below.clone(),
                        paths: below,
                    };
                    self.module(file, Some(module), scope, is_test, &place, read)?
                }
                Body::File(Some(path)) => {
                    let path = joined(&place.paths, &path);
                    self.file(&path, Some(module), is_test, true, read)?
                }
                Body::File(None) => {
                    let (beside, inside) = (format!("{below}.rs"), format!("{below}/mod.rs"));
                    match read(&beside).is_some() {
                        true => self.file(&beside, Some(module), is_test, false, read)?,
                        false => self.file(&inside, Some(module), is_test, true, read)?,
                    }
                }
            };
            let siblings = self.modules[module].children.entry(child.name).or_default();
            siblings.push(index);
        }
        Ok(module)
    }

    /// Whether one module lies below another, at any depth.
    pub fn is_below(&self, module: usize, above: usize) -> bool {
        let mut parent = self.modules[module].parent;
        while let Some(index) = parent {
            if index == above {
                return true;
            }
            parent = self.modules[index].parent;
        }
        false
    }

    /// What a path leads to from a module; nothing, if it leads out of the crate.
    pub fn resolve(&self, module: usize, path: &[String]) -> Found {
        self.resolve_within(module, path, &mut Vec::new())
    }

    /// What a single name stands for in a module.
    pub fn lookup(&self, module: usize, name: &str) -> Found {
        self.lookup_within(module, name, &mut Vec::new())
    }

    // `pending`: the imports that are being followed, by module and position. An import can lead back to itself: in
    // `pub use plan::plan` the first name is also one that the import brings in.
    fn lookup_within(&self, module: usize, name: &str, pending: &mut Vec<(usize, usize)>) -> Found {
        let Module {
            children, scope, ..
        } = &self.modules[module];
        let mut found = Found::default();
        found
            .modules
            .extend(children.get(name).into_iter().flatten());
        if scope.definitions.contains(name) {
            found.items.insert(Item {
                module,
                name: name.to_owned(),
            });
        }
        for (position, import) in scope.imports.iter().enumerate() {
            let brings_it = matches!(&import.brings, Brings::Name(brought) if brought == name);
            if brings_it && !pending.contains(&(module, position)) {
                pending.push((module, position));
                found.join(self.resolve_within(module, &import.path, pending));
                pending.pop();
            }
        }
        if found.is_empty() {
            for (position, import) in scope.imports.iter().enumerate() {
                if import.brings == Brings::Everything && !pending.contains(&(module, position)) {
                    pending.push((module, position));
                    for target in self.resolve_within(module, &import.path, pending).modules {
                        found.join(self.lookup_within(target, name, pending));
                    }
                    pending.pop();
                }
            }
        }
        found
    }

    fn resolve_within(
        &self,
        module: usize,
        path: &[String],
        pending: &mut Vec<(usize, usize)>,
    ) -> Found {
        let Some((first, rest)) = path.split_first() else {
            return Found::default();
        };
        let start = match first.as_str() {
            "crate" => Some(0),
            "self" => Some(module),
            "super" => self.modules[module].parent,
            _ => None,
        };
        let mut found = match start {
            Some(start) => Found {
                modules: [start].into(),
                items: BTreeSet::new(),
            },
            None => self.lookup_within(module, first, pending),
        };
        for segment in rest {
            // A variant, or something associated, may follow an item.
            if found.modules.is_empty() {
                break;
            }
            let mut next = Found::default();
            for module in &found.modules {
                if segment == "super" {
                    next.modules.extend(self.modules[*module].parent);
                } else {
                    next.join(self.lookup_within(*module, segment, pending));
                }
            }
            // A macro can have defined it.
            if next.is_empty() {
                next.items.extend(found.modules.iter().map(|module| Item {
                    module: *module,
                    name: segment.clone(),
                }));
            }
            found = next;
        }
        found
    }
}

fn joined(folder: &str, name: &str) -> String {
    match folder {
        "" => name.to_owned(),
        folder => format!("{folder}/{name}"),
    }
}
