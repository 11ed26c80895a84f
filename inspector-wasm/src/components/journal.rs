//! The journal of one operation: how it ended, whether its chain holds, and its records.

use sidecar::explanation::step_sentence;
use sidecar::follow_up::{is_never_undone, release_id, undo_id};
use sidecar::journal::{JournalEntry, JournalRecord, StepResult};
use sidecar::text::version_text;
use sidecar::{Approval, Digest, OperationId, OutcomeKind, Plan, Purpose};
use yew::{AttrValue, Callback, Event, Html, Properties, component, html, use_state_eq};

use super::badge::{badge, outcome_badge};
use super::copyable::Copyable;
use super::differences::differences;
use super::parts::each;
use super::raw::{raw, raw_bytes};
use super::tone::Tone;
use crate::route::Route;
use crate::state::journal_check::{JournalCheck, StoredJournal, StoredRecord};
use crate::words::{self, visible};

#[derive(Debug, PartialEq, Properties)]
pub struct Props {
    /// The journal.
    pub operation: StoredJournal,
    /// Whether its chain holds; `None` while that is being found out.
    pub check: Option<JournalCheck>,
    /// Whether it is unfolded at the start.
    pub open: bool,
    /// Name of the root.
    pub root: AttrValue,
    /// Its own address.
    pub href: AttrValue,
}

/// The journal of one operation.
#[component]
pub fn Journal(props: &Props) -> Html {
    let opened = use_state_eq(|| props.open);
    let ontoggle = {
        let opened = opened.setter();
        Callback::from(move |_: Event| opened.set(true))
    };
    let operation = &props.operation;
    let outcome = operation.outcome;
    let last = operation.records.last().and_then(StoredRecord::decode);
    let purpose = outcome.and_then(|_| purpose(&operation.records));
    let (word, tone, data) = match &props.check {
        None => ("checking…", Tone::Calm, "checking"),
        Some(JournalCheck::Verified { .. }) => ("verified", Tone::Well, "verified"),
        Some(JournalCheck::InPart { .. }) => ("verified in part", Tone::Calm, "in_part"),
        Some(JournalCheck::Broken { .. }) => ("broken", Tone::Stop, "broken"),
    };
    html! {
        <details class="card journal" open={props.open} {ontoggle} data-testid="journal" data-operation={operation.operation_id.clone()} data-chain={data}>
            <summary>
                <code class="id">{ visible(&operation.operation_id) }</code>
                { outcome_badge(outcome, purpose.as_ref()) }
                { badge(word, tone) }
                <span class="quiet-text">
                    { words::counted(operation.records.len(), "record") }
                    if let Some(last) = &last { { format!(", last of {}", last.recorded_at) } }
                </span>
            </summary>
            if let Some(JournalCheck::Broken { reason }) = &props.check { <p class="broken" role="alert">{ visible(&words::sentence(reason)) }</p> }
            if let Some(JournalCheck::InPart { records }) = &props.check {
                <p>{ format!("These are the first {}; open this record alone to see and verify the rest.", words::counted(usize::try_from(*records).unwrap_or(usize::MAX), "record")) }</p>
            }
            if *opened {
                <ol class="records">{ records(&operation.records) }</ol>
                if !props.open { <p><a href={props.href.clone()}>{ "This record alone" }</a></p> }
                { follow_ups(props) }
            }
        </details>
    }
}

/// What an operation was for, by its last claim.
fn purpose(records: &[StoredRecord]) -> Option<Purpose> {
    let mut records = records.iter().rev().filter_map(StoredRecord::decode);
    let plan = records.find_map(|record| record.entry.claimed_plan())?;
    Some(plan.purpose)
}

/// Links to the undo and the release of a finished recovery that changed tables. Both are plans like any other.
fn follow_ups(props: &Props) -> Html {
    let outcome = props.operation.outcome;
    let Ok(operation) = props.operation.operation_id.parse::<OperationId>() else {
        return Html::default();
    };
    if !outcome.is_some_and(OutcomeKind::moved_tables) {
        return Html::default();
    }
    let records = props.operation.records.iter();
    let mut plans = records
        .filter_map(StoredRecord::decode)
        .filter_map(|record| record.entry.claimed_plan());
    let Some(plan) = plans.next_back() else {
        return Html::default();
    };
    // Undoing a roll back leaves a sidecar, which is to be recovered. Nothing else can be undone then.
    let left = words::left(&plan.purpose, &plan.steps);
    let undo = Some(undo_id(&operation)).filter(|_| !is_never_undone(&plan));
    let to = |operation: OperationId| {
        Route::Recovery {
            root: props.root.to_string(),
            operation: operation.to_string(),
        }
        .href()
    };
    html! {
        <p class="actions">
            if let Some(left) = left {
                <a class="button" href={to(left)} data-testid="left">{ "Open the sidecar it left" }</a>
            } else if let Some(undo) = undo {
                <a class="button" href={to(undo)} data-testid="undo">{ "Plan to undo it" }</a>
            }
            <a class="button" href={to(release_id(&operation))} data-testid="release">{ "Plan to release its tags" }</a>
        </p>
    }
}

fn records(records: &[StoredRecord]) -> Html {
    // The claim in force names the plan whose steps later records count.
    let mut plan: Option<Plan> = None;
    let mut items = Vec::new();
    for audited in records {
        // The page shows only what it reads from the bytes that were verified.
        let Some(record) = audited.decode() else {
            items.push(html! { <li><p class="broken">{ "This record cannot be read." }</p>{ stored(audited) }</li> });
            continue;
        };
        if matches!(record.entry, JournalEntry::Claimed { .. }) {
            plan = record.entry.claimed_plan();
        }
        items.push(html! {
            <li data-kind={record.entry.kind()}>
                <p class="when"><span class="number">{ record.sequence }</span>{ " " }<strong>{ record.entry.kind().replace('_', " ") }</strong>{ " " }<time>{ record.recorded_at.to_string() }</time></p>
                { entry(&record, plan.as_ref()) }
                { stored(audited) }
            </li>
        });
    }
    items.into_iter().collect()
}

/// The plan that a claim names.
fn stored(audited: &StoredRecord) -> Html {
    let about = html! { <p class="quiet-text">{ "Digest " }<code class="break">{ audited.digest().to_string() }</code></p> };
    raw("As stored", audited.stored.clone(), about)
}

fn entry(record: &JournalRecord, plan: Option<&Plan>) -> Html {
    match &record.entry {
        JournalEntry::Approved { approval, .. } => approved(approval),
        JournalEntry::Revoked {
            plan_digest,
            revoked_by,
            reason,
        } => html! {
            <>
                <p>{ visible(&format!("By {revoked_by}.")) }</p>
                if let Some(reason) = reason { <p>{ visible(reason) }</p> }
                { of_plan(*plan_digest) }
            </>
        },
        JournalEntry::Claimed {
            epoch,
            executor,
            plan_digest,
            ..
        } => html! {
            <><p>{ format!("Claim {epoch}, by executor ") }<code>{ visible(executor) }</code></p>{ of_plan(*plan_digest) }</>
        },
        JournalEntry::StepsStarted { steps, .. } => {
            html! { <ul>{ each(&mut steps.iter().map(|step| html! { <li>{ sentence(plan, *step) }</li> })) }</ul> }
        }
        JournalEntry::StepsFinished { results, .. } => {
            html! { <ul>{ each(&mut results.iter().map(|result| finished(plan, result))) }</ul> }
        }
        JournalEntry::Interrupted {
            detail,
            differences: moved,
            ended_by,
            ..
        } => match ended_by {
            Some(ended_by) => html! {
                <p>{ "Ended by " }<strong>{ visible(&ended_by.name) }</strong>{ ": " }<q>{ visible(&ended_by.reason) }</q></p>
            },
            None => html! {
                <><p>{ visible(&words::sentence(detail)) }</p>{ differences(moved) }</>
            },
        },
        JournalEntry::Reopened {
            detail,
            differences: untrue,
        } => html! {
            <><p>{ visible(&words::sentence(detail)) }</p>{ differences(untrue) }</>
        },
        JournalEntry::Finished {
            outcome,
            tables,
            catalog,
            sidecar,
            ..
        } => html! {
            <>
                <p>{ outcome_badge(Some(*outcome), plan.map(|plan| &plan.purpose)) }{ format!(" catalog {}", words::effect(*catalog)) }</p>
                <ul>{ each(&mut tables.iter().map(|table| html! {
                    <li>{ visible(&format!("{}: was at {}, now holds {}, readers see {}, {}", table.table_key, version_text(table.from_version), version_text(table.to_version), version_text(table.published_version), words::effect(table.effect))) }</li>
                })) }</ul>
                { raw_bytes("The sidecar it keeps", sidecar, Html::default(), false) }
            </>
        },
    }
}

fn approved(approval: &Approval) -> Html {
    let mut statements: Vec<&str> = approval
        .acknowledged
        .iter()
        .map(|requirement| requirement.statement())
        .collect();
    if approval.writers_stopped {
        statements.insert(0, sidecar::Requirement::WritersStopped.statement());
    }
    html! {
        <>
            <p>{ "By " }<strong>{ visible(&approval.approved_by) }</strong>if let Some(reason) = &approval.reason { { ": " }<q>{ visible(reason) }</q> }</p>
            if !statements.is_empty() { <ul>{ each(&mut statements.into_iter().map(|statement| html! { <li>{ statement }</li> })) }</ul> }
            { of_plan(approval.plan_digest) }
        </>
    }
}

fn of_plan(digest: Digest) -> Html {
    html! { <p class="quiet-text">{ "Plan " }<Copyable text={digest.to_string()} what="the digest of the plan" /></p> }
}

fn finished(plan: Option<&Plan>, result: &StepResult) -> Html {
    let version = result
        .version
        .map_or_else(String::new, |version| format!(", version {version}"));
    let already = if result.already_done {
        ", done by an earlier attempt"
    } else {
        ""
    };
    html! { <li>{ format!("{}{version}{already}", sentence(plan, result.step)) }</li> }
}

fn sentence(plan: Option<&Plan>, step: usize) -> String {
    plan.and_then(|plan| plan.steps.get(step))
        .map_or_else(|| format!("Step {}", step + 1), step_sentence)
}
