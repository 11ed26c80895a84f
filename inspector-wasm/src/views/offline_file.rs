//! One dropped file: its content, and the verdict for each position of pin and Lance HEAD.

use sidecar::version_9::{Sidecar9, Version9Report, what_if_9};
use sidecar::{Branch, Limits, ListedSidecar, Sidecar, SidecarFile, TablePin, what_if};
use yew::{Html, html};

use crate::components::{
    Copyable, Tone, each, facts, notice, plain, raw, reasons, rows, standing_badge, table, time,
    what_if_9_table, what_if_table,
};
use crate::route::Route;
use crate::state::entry::Entry;
use crate::state::offline::Dropped;
use crate::words::visible;

/// One dropped file, under its heading.
pub fn offline_file(dropped: &Dropped, heading: Html) -> Html {
    let Dropped { folder, listed } = dropped;
    let entry = Entry::of_listed(listed);
    let file = &listed.file;
    let sidecar = file.content.as_ref().ok();
    let version_9 = Version9Report::of(&file.file, &file.bytes, &Limits::DEFAULT);
    html! {
        <article class="recovery" data-testid="offline-file">
            <a class="back" href={Route::Offline.href()}>{ "All files" }</a>
            <p class="verdict">{ standing_badge(entry.standing) }</p>
            { heading }
            { standing(listed) }
            { named_facts(&entry, file, folder, sidecar) }
            if let Some(report) = &version_9 {
                { said(report) }
            } else if let Some(sidecar) = sidecar {
                { announced(sidecar) }
            }
            if let Some(sidecar) = sidecar { { decision(sidecar, listed.refusal.is_some()) } }
            { content(file) }
        </article>
    }
}

fn standing(listed: &ListedSidecar) -> Html {
    if let Some(reason) = &listed.refusal {
        return notice(
            "This file is refused",
            Tone::Stop,
            reasons(std::slice::from_ref(reason)),
        );
    }
    html! {
        <>
            <p class="lead">{ "This file alone cannot be decided. It says what its writer meant to do. The pins and the Lance HEADs of the tables are in the store." }</p>
            if let Some(older) = &listed.waiting_for {
                { notice("It has to wait", Tone::Calm, html! {
                    <p>{ "It waits for an older file of this list, which shares a table with it or cannot be read: " }<code>{ visible(older) }</code></p>
                }) }
            }
            if listed.older_unreadable {
                { notice("An older file is broken", Tone::Calm, html! {
                    <p>{ "An older file of this list is broken and may have named the same tables. To approve a plan for this one, a person has to know that the write of the broken file left nothing pending there." }</p>
                }) }
            }
        </>
    }
}

fn named_facts(entry: &Entry, file: &SidecarFile, folder: &str, sidecar: Option<&Sidecar>) -> Html {
    let version = sidecar
        .map(|sidecar| u64::from(sidecar.schema_version))
        .or(file.glimpse.schema_version);
    let copyable = |text: String, what: &'static str| html! { <Copyable {text} {what} /> };
    let main = sidecar.map(|_| Branch::default().text());
    facts([
        ("file", plain(Some(&file.file))),
        (
            "folder",
            plain(Some(folder).filter(|folder| !folder.is_empty())),
        ),
        (
            "operation",
            entry
                .operation_id
                .clone()
                .map(|text| copyable(text, "the operation id")),
        ),
        (
            "schema version",
            plain(version.map(|version| version.to_string()).as_deref()),
        ),
        ("kind", plain(entry.writer_kind.as_deref())),
        ("branch", plain(entry.branch.as_deref().or(main))),
        ("actor", plain(entry.actor_id.as_deref())),
        ("started", time(entry.started_at)),
        (
            "digest",
            file.digest
                .map(|digest| copyable(digest.to_string(), "the digest of the file")),
        ),
    ])
}

/// A file of version 9 says more than which tables it pins: how far its writer came, each planned transaction, each row of its publish.
fn said(report: &Version9Report) -> Html {
    let line = |(label, text): (&str, String)| {
        html! { <div><dt>{ label }</dt><dd>{ visible(&text) }</dd></div> }
    };
    html! {
        <section class="card found" aria-labelledby="said-heading" data-testid="said">
            <h2 id="said-heading">{ "What the file says" }</h2>
            <dl>{ each(&mut report.facts().into_iter().map(line)) }</dl>
        </section>
    }
}

fn announced(sidecar: &Sidecar) -> Html {
    let created = sidecar
        .additional_registrations
        .iter()
        .map(|registration| registration.table_key.clone())
        .collect();
    let removed = sidecar
        .tombstones
        .iter()
        .map(|tombstone| tombstone.table_key.clone())
        .collect();
    let merged = sidecar.merge_source_commit_id.clone().into_iter().collect();
    let further: [(&str, Vec<String>); 4] = [
        ("Tables it was about to create", created),
        ("Tables it was about to remove", removed),
        ("Head graph commit of the merged branch", merged),
        (
            "Fields this build does not implement",
            sidecar.unimplemented_fields(),
        ),
    ];
    let further = further
        .into_iter()
        .filter(|(_, items)| !items.is_empty())
        .map(|(what, items)| format!("{what}: {}", items.join(", ")));
    let row = |pin: &TablePin| {
        html! {
            <tr>
                <th scope="row">{ visible(&pin.table_key) }if let Some(branch) = pin.table_branch().name() { <span class="branch">{ " on " }{ visible(branch) }</span> }</th>
                <td class="number">{ pin.expected_version }</td>
                <td class="number">{ pin.post_commit_pin }</td>
                <td><code class="break">{ visible(&pin.table_path) }</code></td>
            </tr>
        }
    };
    html! {
        <section class="card" aria-labelledby="announced-heading">
            <h2 id="announced-heading">{ "What the writer announced" }</h2>
            if sidecar.tables.is_empty() { <p>{ "It pins no table." }</p> } else {
                { table("Tables it pins", "pins", &["table", "expected", "post-commit", "path"], rows(&mut sidecar.tables.iter().map(row))) }
            }
            { each(&mut further.map(|line| html! { <p>{ visible(&line) }</p> })) }
        </section>
    }
}

fn decision(sidecar: &Sidecar, refused: bool) -> Html {
    if let Some(version_9) = sidecar.version_9.as_deref().filter(|_| !refused) {
        return decision_9(version_9);
    }
    let possible = if refused {
        Vec::new()
    } else {
        what_if(sidecar)
    };
    if possible.is_empty() {
        return Html::default();
    }
    html! {
        <section class="card" aria-labelledby="what-if-heading">
            <h2 id="what-if-heading">{ "What the verdict would be" }</h2>
            <p>{ "This holds if all its tables stand alike. Where they differ, only a plan at the store has the verdict." }</p>
            { what_if_table(&possible, sidecar.tables.first().map(|pin| pin.table_key.as_str())) }
        </section>
    }
}

fn decision_9(sidecar: &Sidecar9) -> Html {
    let cases = what_if_9(sidecar);
    if cases.is_empty() {
        return Html::default();
    }
    html! {
        <section class="card" aria-labelledby="what-if-heading">
            <h2 id="what-if-heading">{ "What the verdict would be" }</h2>
            <p>{ "The transactions in its tables and its graph commit decide. Which of these cases it is, only a plan at the store tells." }</p>
            { what_if_9_table(&cases) }
        </section>
    }
}

fn content(file: &SidecarFile) -> Html {
    if file.bytes.is_empty() {
        return Html::default();
    }
    raw(
        "The file as it is",
        String::from_utf8_lossy(&file.bytes).into_owned(),
        Html::default(),
    )
}
