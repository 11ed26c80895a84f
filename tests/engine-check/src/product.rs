//! The product's command line, as a script uses it.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

pub struct Product {
    pub binary: PathBuf,
    /// The root as it is now.
    pub graph: PathBuf,
    /// Where it was written.
    pub written_at: PathBuf,
}

impl Product {
    /// The operations that are pending, oldest first.
    pub fn list(&self) -> Result<Vec<String>> {
        let list = self.run("list", &[])?;
        let recoveries = list["recoveries"]
            .as_array()
            .context("no recoveries in the list")?;
        let operations = recoveries.iter().map(|recovery| {
            let operation = recovery["operation_id"].as_str();
            Ok(operation
                .context("a recovery without an operation")?
                .to_owned())
        });
        operations.collect()
    }

    pub fn plan(&self, operation: &str) -> Result<Value> {
        self.run("plan", &[operation])
    }

    pub fn approve(&self, operation: &str, plan: &Value) -> Result<()> {
        let mut arguments = vec![
            operation,
            "--digest",
            text(plan, "digest")?,
            "--as",
            "check",
        ];
        arguments.extend(["--writers-stopped", "--reason", "engine-check"]);
        let requires = plan["requires"]
            .as_array()
            .context("no requires in the plan")?;
        for code in requires.iter().filter_map(Value::as_str) {
            if !["writers_stopped", "reason"].contains(&code) {
                arguments.extend(["--acknowledge", code]);
            }
        }
        self.run("approve", &arguments).map(drop)
    }

    pub fn apply(&self, operation: &str, plan: &Value) -> Result<Value> {
        self.run("apply", &[operation, "--digest", text(plan, "digest")?])
    }

    /// The one JSON document that the command prints; a refusal is one too.
    fn run(&self, command: &str, arguments: &[&str]) -> Result<Value> {
        let mut process = Command::new(&self.binary);
        process.arg(command).arg(&self.graph).args(arguments);
        process.args(["--json", "--min-age", "0s"]);
        if self.graph != self.written_at {
            process.arg("--relocated-from").arg(&self.written_at);
        }
        let output = process
            .output()
            .with_context(|| format!("cannot run {}", self.binary.display()))?;
        serde_json::from_slice(&output.stdout).with_context(|| {
            let complaint = String::from_utf8_lossy(&output.stderr);
            format!(
                "{command} printed no JSON ({}): {}",
                output.status,
                complaint.trim()
            )
        })
    }
}

pub fn text<'a>(document: &'a Value, field: &str) -> Result<&'a str> {
    document[field]
        .as_str()
        .with_context(|| format!("no {field} in {document}"))
}

/// Recovers what can be recovered of a root, one operation after the other.
#[derive(Debug, Default)]
pub struct Course {
    /// The disposition of the oldest operation, when it was first looked at.
    pub disposition: Option<String>,
    pub outcomes: Vec<String>,
    /// Why an operation that is left was not carried out.
    pub left: Vec<String>,
}

impl Course {
    pub fn run(product: &Product) -> Result<Self> {
        let mut course = Self::default();
        // Each round carries out one operation at least, or is the last.
        loop {
            course.left.clear();
            let mut is_progress = false;
            for operation in product.list()? {
                let plan = product.plan(&operation)?;
                let disposition = text(&plan, "disposition")?;
                course
                    .disposition
                    .get_or_insert_with(|| disposition.to_owned());
                if plan["executable"] != true {
                    course.left.push(reason(&plan));
                    continue;
                }
                product.approve(&operation, &plan)?;
                let report = product.apply(&operation, &plan)?;
                course.outcomes.push(text(&report, "outcome")?.to_owned());
                if report["sidecar"] != "retired" {
                    let kept = format!("the sidecar is kept: {}", report["detail"]);
                    course.left.push(kept);
                    return Ok(course);
                }
                is_progress = true;
                break;
            }
            if !is_progress {
                return Ok(course);
            }
        }
    }
}

fn reason(plan: &Value) -> String {
    let blockers = plan["blockers"].as_array().into_iter().flatten();
    let mut codes: Vec<&str> = blockers.filter_map(|it| it["code"].as_str()).collect();
    codes.dedup();
    codes.join(", ")
}
