//! Offline: sidecar files looked at in this browser alone.

use sidecar::Limits;
use sidecar::root_layout::SIDECAR_FOLDER;
use wasm_bindgen_futures::spawn_local;
use yew::{
    Callback, DragEvent, Event, Html, MouseEvent, NodeRef, Properties, UseReducerDispatcher,
    component, html, use_callback, use_node_ref, use_reducer, use_state_eq,
};

use super::offline_file::offline_file;
use crate::components::{List, Tone, alert, bar, list_tools, none_matches};
use crate::hooks::use_screen;
use crate::route::Route;
use crate::services::dom;
use crate::services::files::{self, FoundFile};
use crate::state::entry::Entry;
use crate::state::offline::{Action, FilePath, OfflineState, Reader, Reading, chosen};
use crate::words::{self, visible};

/// Files read side by side; between two such batches the browser draws.
const BATCH: usize = 128;

#[derive(Debug, PartialEq, Properties)]
pub struct Props {
    /// The file that is open.
    pub number: Option<usize>,
    /// Whether there should be a server, and none answers.
    pub alone: bool,
}

/// Offline: sidecar files looked at in this browser alone.
#[component]
pub fn Offline(props: &Props) -> Html {
    let state = use_reducer(OfflineState::default);
    let over = use_state_eq(|| false);
    let dispatcher = state.dispatcher();
    let onquery = use_callback(state.dispatcher(), |query, dispatcher| {
        dispatcher.dispatch(Action::Query(query))
    });
    let onsort = use_callback(state.dispatcher(), |sort, dispatcher| {
        dispatcher.dispatch(Action::Sort(sort))
    });
    let onclear = {
        let dispatcher = dispatcher.clone();
        Callback::from(move |_: MouseEvent| {
            dispatcher.dispatch(Action::Cleared);
            dom::go(&Route::Offline.href());
        })
    };
    let ondrop = {
        let (dispatcher, over) = (dispatcher.clone(), over.setter());
        Callback::from(move |event: DragEvent| {
            event.prevent_default();
            over.set(false);
            let dropped = files::dropped(&event);
            let dispatcher = dispatcher.clone();
            spawn_local(async move {
                match dropped.files().await {
                    Ok(found) => take(found, dispatcher).await,
                    Err(reason) => dispatcher.dispatch(Action::Failed(reason)),
                }
            });
        })
    };
    let ondragover = {
        let over = over.setter();
        Callback::from(move |event: DragEvent| {
            if files::carries_files(&event) {
                event.prevent_default();
                over.set(true);
            }
        })
    };
    let ondragleave = {
        let over = over.setter();
        Callback::from(move |_: DragEvent| over.set(false))
    };
    let onpicked = Callback::from(move |event: Event| {
        let found = files::picked(&event);
        spawn_local(take(found, dispatcher.clone()));
    });

    let empty = state.files().is_empty();
    let open = props
        .number
        .and_then(|number| state.files().get(number).map(|dropped| (number, dropped)));
    let selected = open.and_then(|(number, _)| state.listing.position(|index, _| index == number));
    let href = {
        let listing = state.listing.clone();
        Callback::from(move |position: usize| {
            Route::OfflineFile {
                number: listing.index(position).unwrap_or_default(),
            }
            .href()
        })
    };
    let title = match open {
        Some((_, dropped)) => words::title(&Entry::of_listed(&dropped.listed)),
        None if empty => "Look at sidecar files, right here.".to_owned(),
        None => "Files in this browser".to_owned(),
    };
    let heading = use_screen(
        &format!("offline {:?}", open.map(|(number, _)| number)),
        &title,
    );
    let pickers = [use_node_ref(), use_node_ref()];
    let heading = html! { <h1 ref={heading} tabindex="-1">{ visible(&title) }</h1> };
    let main = match open {
        Some((_, dropped)) => offline_file(dropped, heading),
        None => start(&state, heading, &pickers, &onpicked, props.alone),
    };
    let mut class = "shell offline".to_owned();
    for (is, name) in [
        (empty, " bare"),
        (open.is_some(), " detail"),
        (*over, " over"),
    ] {
        class.push_str(if is { name } else { "" });
    }
    html! {
        <div {class} {ondrop} {ondragover} {ondragleave}>
            if !empty {
                <aside aria-label="Dropped files">
                    { list_tools(&state.listing, None, &onquery, &onsort, html! {
                        <>
                            <a class="quiet button" href={Route::Offline.href()}>{ "Add" }</a>
                            <button type="button" class="quiet" onclick={onclear}>{ "Clear" }</button>
                        </>
                    }) }
                    { none_matches(&state.listing, &onquery) }
                    <List listing={state.listing.clone()} label="Dropped files" {selected} {href} />
                </aside>
            }
            <main>{ main }</main>
        </div>
    }
}

/// Reads what was found, a batch at a time.
async fn take(found: Vec<FoundFile>, dispatcher: UseReducerDispatcher<OfflineState>) {
    let paths: Vec<FilePath> = found.iter().map(|file| file.path.clone()).collect();
    let taken: Vec<FoundFile> = chosen(&paths, &Limits::DEFAULT)
        .into_iter()
        .map(|index| found[index].clone())
        .collect();
    if taken.is_empty() {
        dispatcher.dispatch(Action::Failed(match found.len() {
            0 => "nothing that could be read was dropped".to_owned(),
            _ => format!(
                "none of the {} is a sidecar: their names do not end in .json",
                words::counted(found.len(), "file")
            ),
        }));
        return;
    }
    dispatcher.dispatch(Action::Began {
        total: taken.len(),
        skipped: found.len() - taken.len(),
    });
    let mut reader = Reader::default();
    let mut read = Vec::with_capacity(taken.len());
    for batch in taken.chunks(BATCH) {
        read.extend(
            files::read(batch)
                .await
                .into_iter()
                .map(|file| reader.read(file)),
        );
        dispatcher.dispatch(Action::Came(read.len()));
        dom::rest(0).await;
    }
    dom::say(&format!("{} read.", words::counted(read.len(), "file")));
    dispatcher.dispatch(Action::Finished(read));
}

fn start(
    state: &OfflineState,
    heading: Html,
    [files, folder]: &[NodeRef; 2],
    onpicked: &Callback<Event>,
    alone: bool,
) -> Html {
    let press = |node: &NodeRef| {
        let node = node.clone();
        Callback::from(move |_: MouseEvent| dom::click(&node))
    };
    html! {
        <div class="start">
            { heading }
            <p class="lead">{ "This page reads the files that you drop, in this browser. No file, no name and no digest leaves this machine." }</p>
            if alone {
                <p class="quiet-text" role="status">{ "No server answers at this address, so the page works alone." }</p>
            }
            <div class="drop" data-testid="drop">
                <p class="title">{ "Drop sidecar files here, or a folder of them, or a whole store" }</p>
                <p class="actions">
                    <button type="button" class="primary" onclick={press(files)}>{ "Choose files" }</button>
                    <button type="button" onclick={press(folder)}>{ "Choose a folder" }</button>
                </p>
                <input class="unseen" type="file" tabindex="-1" aria-label="Sidecar files" accept=".json,application/json" multiple=true ref={files.clone()} onchange={onpicked.clone()} data-testid="pick-files" />
                <input class="unseen" type="file" tabindex="-1" aria-label="Folder of sidecar files" webkitdirectory=true multiple=true ref={folder.clone()} onchange={onpicked.clone()} data-testid="pick-folder" />
                <p class="quiet-text">{ "Of a whole store, only the files directly under " }<code>{ SIDECAR_FOLDER }</code>{ " are read." }</p>
            </div>
            { reading(state) }
            if let Some(failure) = &state.failure {
                { alert("No file was read", Tone::Stop, html! { <p>{ visible(&words::sentence(failure)) }</p> }) }
            }
            if !state.files().is_empty() { <p role="status" data-testid="dropped">{ came_of_it(state) }</p> }
        </div>
    }
}

fn reading(state: &OfflineState) -> Html {
    let Some(Reading { done, total }) = state.reading else {
        return Html::default();
    };
    html! {
        <div class="progress" role="status">
            { bar(done, total, "Files read") }
            <p class="quiet-text">{ format!("{} of {} read", words::grouped(done), words::counted(total, "file")) }</p>
        </div>
    }
}

fn came_of_it(state: &OfflineState) -> String {
    let mut text = format!("{} read", words::counted(state.files().len(), "file"));
    if state.folders() > 1 {
        text.push_str(&format!(
            ", from {}; files of one folder are judged together",
            words::counted(state.folders(), "folder")
        ));
    }
    if state.skipped > 0 {
        text.push_str(&format!(
            "; {} left out, not sidecars by name or place",
            words::counted(state.skipped, "file")
        ));
    }
    text + ". Choose one in the list."
}
