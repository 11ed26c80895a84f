//! A recovery as text for other people and programs: the command line of its next step, and Markdown for a ticket.

use sidecar::Requirement;
use sidecar::api::PlanReport;
use sidecar::text::{shell_word, visible};

use super::recovery::Stage;

/// The command that does, or shows, what the page offers at this stage.
#[must_use]
pub fn command(plan: &PlanReport, stage: Stage) -> String {
    let (root, operation) = (shell_word(&plan.root), shell_word(&plan.operation_id));
    let of = |what: &str| format!("sidecar-inspector {what} {root} {operation}");
    let digest = plan.digest.map(|digest| digest.to_string());
    match (stage, digest) {
        (Stage::Approve, Some(digest)) => {
            let mut command = format!("{} --digest {digest} --as NAME", of("approve"));
            for requirement in &plan.requires {
                command.push_str(&match requirement {
                    Requirement::WritersStopped => " --writers-stopped".to_owned(),
                    Requirement::Reason => " --reason WHY".to_owned(),
                    other => format!(" --acknowledge {}", other.name()),
                });
            }
            command
        }
        (Stage::Execute | Stage::Running | Stage::Resume, Some(digest)) => {
            format!("{} --digest {digest}", of("apply"))
        }
        (Stage::Ended, Some(_)) => format!("{} --verify", of("audit")),
        _ => of("plan"),
    }
}

/// The plan and its evidence for a ticket or a chat.
#[must_use]
pub fn markdown(plan: &PlanReport, address: &str) -> String {
    let mut text = format!(
        "### {}\n\n{}\n\n- root: `{}`\n- operation: `{}`\n",
        line(&plan.headline),
        line(&plan.consequence),
        code(&plan.root),
        code(&plan.operation_id),
    );
    if let Some(digest) = &plan.digest {
        text.push_str(&format!("- digest: `{digest}`\n"));
    }
    text.push_str(&format!("- page: {address}\n"));
    for blocker in &plan.blockers {
        let detail = line(&blocker.detail);
        text.push_str(&format!(
            "- blocked: {detail} (`{}`)\n",
            blocker.code.name()
        ));
    }
    if !plan.tables.is_empty() {
        text.push_str("\n| table | rule | effect |\n|---|---|---|\n");
    }
    for report in &plan.tables {
        let table = &report.table;
        let cells = [&table.table_key, &table.rule, &report.effect].map(|cell| line(cell));
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    if !plan.steps.is_empty() {
        text.push('\n');
    }
    for (index, step) in plan.steps.iter().enumerate() {
        let (sentence, condition) = (line(&step.sentence), line(&step.condition));
        text.push_str(&format!("{}. {sentence}, {condition}\n", index + 1));
    }
    text
}

/// Names out of files cannot begin a line, a link or markup of their own.
fn line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in visible(text).chars() {
        if "\\`*_[]<>#|".contains(character) {
            line.push('\\');
        }
        line.push(character);
    }
    line
}

fn code(text: &str) -> String {
    visible(text).replace('`', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::recovery::sample;

    #[test]
    fn the_command_is_that_of_the_next_step() {
        let plan = sample::report();
        let digest = plan.digest.unwrap();
        let approve = command(&plan, Stage::Approve);
        assert!(
            approve.starts_with("sidecar-inspector approve "),
            "{approve}"
        );
        assert!(approve.contains(&format!("--digest {digest} --as NAME")));
        assert_eq!(
            plan.requires.contains(&Requirement::WritersStopped),
            approve.contains("--writers-stopped")
        );
        let apply = command(&plan, Stage::Execute);
        assert!(
            apply.starts_with("sidecar-inspector apply ") && apply.ends_with(&digest.to_string())
        );
        assert!(command(&plan, Stage::Blocked).starts_with("sidecar-inspector plan "));
        assert!(command(&plan, Stage::Ended).ends_with(" --verify"));
        let moved = PlanReport {
            root: "/srv/my graph;rm".to_owned(),
            ..plan
        };
        assert!(command(&moved, Stage::Blocked).contains("'/srv/my graph;rm'"));
    }

    #[test]
    fn markdown_has_the_plan_and_no_markup_out_of_names() {
        let mut plan = sample::report();
        plan.headline = "a|b\n# *x* <img>".to_owned();
        let text = markdown(&plan, "http://127.0.0.1/#/pending/shop/X");
        let first = text.lines().next().unwrap();
        assert!(first.starts_with("### a\\|b"), "{first}");
        assert!(first.ends_with("\\# \\*x\\* \\<img\\>"), "{first}");
        assert!(text.contains(&format!("- digest: `{}`", plan.digest.unwrap())));
        assert!(text.contains("- page: http://127.0.0.1/#/pending/shop/X\n"));
        assert_eq!(text.matches("\n| ").count(), plan.tables.len() + 1);
        assert!(text.contains(&format!("\n{}. ", plan.steps.len())));
    }
}
