//! `expected.json`: what stood in every archive, and what the released engine's own recovery made of it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::fixtures;

/// What is known of one archive.
pub struct Expected {
    name: String,
    graph: Value,
}

/// Per branch of the graph and table: visible version, Lance branch, HEAD, rows.
pub type Tables = BTreeMap<String, BTreeMap<String, (u64, Option<String>, u64, Option<u64>)>>;

pub fn all(engine: &str) -> BTreeMap<String, Value> {
    let path = fixtures().join(engine).join("expected.json");
    let text = std::fs::read_to_string(path).unwrap();
    serde_json::from_str(&text).unwrap()
}

pub fn of(engine: &str, name: &str) -> Expected {
    let graph = all(engine).remove(name).expect(name);
    Expected {
        name: name.to_owned(),
        graph,
    }
}

impl Expected {
    pub fn disposition(&self) -> &str {
        self.graph["disposition"].as_str().unwrap()
    }

    /// Rows readers of main saw of the crashed graph.
    pub fn rows_before(&self) -> BTreeMap<String, u64> {
        serde_json::from_value(self.graph["visible_rows_before"]["main"].clone()).unwrap()
    }

    /// Rows readers of main saw once the engine had recovered it.
    pub fn rows_after(&self) -> BTreeMap<String, u64> {
        serde_json::from_value(self.graph["visible_rows_after_recovery"]["main"].clone()).unwrap()
    }

    pub fn tables_before(&self) -> Tables {
        tables(&self.graph["tables_before"])
    }

    /// What stood once the engine had recovered the graph.
    pub fn tables_after(&self) -> Tables {
        tables(&self.graph["engine"]["tables"])
    }

    /// SHA-256 of the schema's files once the engine had recovered the graph.
    pub fn schema_files_after(&self) -> BTreeMap<String, String> {
        serde_json::from_value(self.graph["engine"]["schema_files"].clone()).unwrap()
    }

    pub fn schema_files_before(&self) -> BTreeMap<String, String> {
        serde_json::from_value(self.graph["schema_files_before"].clone()).unwrap()
    }

    /// Whether the engine could open the graph, and with that recover it.
    pub fn engine_opens(&self) -> bool {
        self.graph["engine"]["opens"].as_bool().unwrap()
    }

    /// The graph commit the engine wrote for its recovery number `index`.
    pub fn commit(&self, index: usize) -> &Value {
        let commit = &self.graph["engine"]["commits"][index];
        assert!(commit.is_object(), "{}: no commit {index}", self.name);
        commit
    }

    /// The row the engine wrote of its recovery number `index`.
    pub fn recovery(&self, index: usize) -> &Value {
        let recovery = &self.graph["engine"]["recoveries"][index];
        assert!(recovery.is_object(), "{}: no recovery {index}", self.name);
        recovery
    }
}

fn tables(value: &Value) -> Tables {
    let branches = value.as_object().unwrap().iter();
    branches
        .map(|(branch, tables)| {
            let tables = tables.as_object().unwrap().iter().map(|(key, table)| {
                let text = table["branch"].as_str().map(str::to_owned);
                let number = |field: &str| table[field].as_u64();
                let stands = (
                    number("version").unwrap(),
                    text,
                    number("head").unwrap(),
                    number("rows"),
                );
                (key.clone(), stands)
            });
            (branch.clone(), tables.collect())
        })
        .collect()
}
