//! Offline: sidecar files looked at in this browser alone.

use sidecar::Limits;
use wasm_bindgen_futures::spawn_local;
use yew::{
    Callback, DragEvent, Event, Html, MouseEvent, Properties, UseReducerDispatcher, component, html, use_callback, use_context,
    use_node_ref, use_reducer, use_state_eq,
};

use super::offline_file::OfflineFile;
use crate::components::{List, Tone, alert, bar, list_tools};
use crate::context::{Connection, Voice};
use crate::hooks::use_screen;
use crate::route::Route;
use crate::services::dom;
use crate::services::files::{self, FoundFile};
use crate::state::offline::{Action, FilePath, OfflineState, Reader, chosen};
use crate::words;

/// Files read side by side; between two such batches the browser draws.
const BATCH: usize = 128;

#[derive(Debug, PartialEq, Properties)]
pub struct Props {
    /// The file that is open.
    pub number: Option<usize>,
    /// The server, if there is one.
    pub connection: Connection,
}

/// Offline: sidecar files looked at in this browser alone.
#[component]
pub fn Offline(props: &Props) -> Html {
    let state = use_reducer(OfflineState::default);
    let over = use_state_eq(|| false);
    let voice = use_context::<Voice>();
    let dispatcher = state.dispatcher();
    let onquery = use_callback(state.dispatcher(), |query, dispatcher| dispatcher.dispatch(Action::Query(query)));
    let onsort = use_callback(state.dispatcher(), |sort, dispatcher| dispatcher.dispatch(Action::Sort(sort)));
    let onclear = {
        let dispatcher = dispatcher.clone();
        Callback::from(move |_: MouseEvent| {
            dispatcher.dispatch(Action::Cleared);
            dom::go(&Route::Offline.href());
        })
    };
    let ondrop = {
        let (dispatcher, voice, over) = (dispatcher.clone(), voice.clone(), over.setter());
        Callback::from(move |event: DragEvent| {
            event.prevent_default();
            over.set(false);
            let dropped = files::dropped(&event);
            let (dispatcher, voice) = (dispatcher.clone(), voice.clone());
            spawn_local(async move {
                match dropped.files().await {
                    Ok(found) => take(found, dispatcher, voice).await,
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
        spawn_local(take(found, dispatcher.clone(), voice.clone()));
    });

    let open = props.number.and_then(|number| state.files().get(number).map(|dropped| (number, dropped)));
    let empty = state.files().is_empty();
    let selected = open.as_ref().and_then(|(number, _)| state.listing.position(|index, _| index == *number));
    let href = {
        let listing = state.listing.clone();
        Callback::from(move |position: usize| Route::OfflineFile { number: listing.index(position).unwrap_or_default() }.href())
    };
    let main = match open {
        Some((number, dropped)) => html! { <OfflineFile key={number} {number} dropped={dropped.clone()} /> },
        None => html! { <Start state={(*state).clone()} {onpicked} connection={props.connection.clone()} /> },
    };
    let class = yew::classes!("shell", "offline", empty.then_some("bare"), (props.number.is_some() && !empty).then_some("detail"), over.then_some("over"));
    html! {
        <div {class} {ondrop} {ondragover} {ondragleave}>
            if !empty {
                <aside aria-label="Dropped files">
                    { list_tools(&state.listing, &onquery, &onsort, html! {
                        <>
                            <a class="quiet button" href={Route::Offline.href()}>{ "Add" }</a>
                            <button type="button" class="quiet" onclick={onclear}>{ "Clear" }</button>
                        </>
                    }) }
                    <List listing={state.listing.clone()} label="Dropped files" {selected} {href} />
                </aside>
            }
            <main>{ main }</main>
        </div>
    }
}

/// Reads what was found, a batch at a time.
async fn take(found: Vec<FoundFile>, dispatcher: UseReducerDispatcher<OfflineState>, voice: Option<Voice>) {
    let paths: Vec<FilePath> = found.iter().map(|file| file.path.clone()).collect();
    let taken: Vec<FoundFile> = chosen(&paths, &Limits::DEFAULT).into_iter().map(|index| found[index].clone()).collect();
    if taken.is_empty() {
        dispatcher.dispatch(Action::Failed(match found.len() {
            0 => "nothing that could be read was dropped".to_owned(),
            _ => format!("none of the {} is a sidecar: their names do not end in .json", words::counted(found.len(), "file")),
        }));
        return;
    }
    dispatcher.dispatch(Action::Began { total: taken.len(), skipped: found.len() - taken.len() });
    let mut reader = Reader::default();
    let mut read = Vec::with_capacity(taken.len());
    for batch in taken.chunks(BATCH) {
        read.extend(files::read(batch).await.into_iter().map(|file| reader.read(file)));
        dispatcher.dispatch(Action::Came(read.len()));
        dom::rest(0).await;
    }
    if let Some(voice) = voice {
        voice.say(format!("{} read.", words::counted(read.len(), "file")));
    }
    dispatcher.dispatch(Action::Finished(read));
}

#[derive(Debug, PartialEq, Properties)]
struct StartProps {
    state: OfflineState,
    onpicked: Callback<Event>,
    connection: Connection,
}

#[component]
fn Start(props: &StartProps) -> Html {
    let heading = use_screen("offline", "Offline");
    let (picker, folder_picker) = (use_node_ref(), use_node_ref());
    let press = |node: &yew::NodeRef| {
        let node = node.clone();
        Callback::from(move |_: MouseEvent| dom::click(&node))
    };
    let state = &props.state;
    let total = state.files().len();
    html! {
        <div class="start">
            <h1 ref={heading} tabindex="-1">{ if total == 0 { "Look at sidecar files, right here." } else { "Files in this browser" } }</h1>
            <p class="lead">{ "Whatever you drop is read by this page, in this browser. Nothing leaves this machine: no file, no name, no digest." }</p>
            if let Connection::Absent { failure: Some(_) } = &props.connection {
                <p class="quiet-text" role="status">{ "No server answers at this address, so the page works alone." }</p>
            }
            <div class="drop" data-testid="drop">
                <p class="title">{ "Drop sidecar files here, or a folder of them, or a whole store" }</p>
                <p class="actions">
                    <button type="button" class="primary" onclick={press(&picker)}>{ "Choose files" }</button>
                    <button type="button" onclick={press(&folder_picker)}>{ "Choose a folder" }</button>
                </p>
                <input class="unseen" type="file" tabindex="-1" aria-label="Sidecar files" accept=".json,application/json" multiple=true ref={picker} onchange={props.onpicked.clone()} data-testid="pick-files" />
                <input class="unseen" type="file" tabindex="-1" aria-label="Folder of sidecar files" webkitdirectory=true multiple=true ref={folder_picker} onchange={props.onpicked.clone()} data-testid="pick-folder" />
                <p class="quiet-text">{ "Of a whole store, only what lies directly under " }<code>{ "__recovery" }</code>{ " is read." }</p>
            </div>
            if let Some(reading) = state.reading {
                <div class="progress" role="status">
                    { bar(reading.done, reading.total, "Files read") }
                    <p class="quiet-text">{ format!("{} of {} read", words::grouped(reading.done), words::counted(reading.total, "file")) }</p>
                </div>
            }
            if let Some(failure) = &state.failure {
                { alert("Nothing came of that", Tone::Stop, html! { <p>{ words::sentence(failure) }</p> }) }
            }
            if total > 0 {
                <p role="status" data-testid="dropped">
                    { words::counted(total, "file") }{ " read" }
                    if state.folders() > 1 { { format!(", from {}; files of one folder are judged together", words::counted(state.folders(), "folder")) } }
                    if state.skipped > 0 { { format!("; {} left out, not sidecars by name or place", words::counted(state.skipped, "file")) } }
                    { ". Choose one in the list." }
                </p>
            }
        </div>
    }
}
