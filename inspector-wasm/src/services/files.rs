//! Files that a person drops or picks. They are read here and go nowhere else.

use js_sys::{Array, ArrayBuffer, Function, Promise, Reflect, Uint8Array};
use sidecar::Limits;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    DataTransfer, DragEvent, Event, File, FileList, FileSystemDirectoryEntry, FileSystemEntry,
    FileSystemFileEntry, HtmlInputElement,
};
use yew::TargetCast;

use crate::state::offline::{FilePath, ReadFile};

/// Entries looked at in one drop. More than the sidecars that are taken, since a store has many
/// other files.
const ENTRIES_MAX: usize = 1_000_000;

/// Folders below the dropped one that are entered.
const DEPTH_MAX: usize = 16;

/// A file that was found, not read yet.
#[derive(Debug, Clone)]
pub struct FoundFile {
    /// Where it lies.
    pub path: FilePath,
    source: Source,
}

#[derive(Debug, Clone)]
enum Source {
    File(File),
    /// A `FileSystemFileHandle`.
    Handle(JsValue),
    Entry(FileSystemFileEntry),
}

/// The dropped items, taken out of the event while the event still holds them.
#[derive(Debug, Default)]
pub struct Drop {
    roots: Vec<Root>,
}

#[derive(Debug)]
enum Root {
    /// Becomes a `FileSystemHandle`.
    Handle(Promise),
    Entry(FileSystemEntry),
    File(File),
}

/// Whether the dragged items contain files.
#[must_use]
pub fn carries_files(event: &DragEvent) -> bool {
    event
        .data_transfer()
        .is_some_and(|transfer| transfer.types().includes(&JsValue::from_str("Files"), 0))
}

/// Takes the dropped items. Call it while the event is handled: the event is empty afterwards.
#[must_use]
pub fn dropped(event: &DragEvent) -> Drop {
    event
        .data_transfer()
        .map(|transfer| Drop {
            roots: roots(&transfer),
        })
        .unwrap_or_default()
}

fn roots(transfer: &DataTransfer) -> Vec<Root> {
    let items = transfer.items();
    let mut roots = Vec::new();
    for index in 0..items.length() {
        let Some(item) = items.get(index).filter(|item| item.kind() == "file") else {
            continue;
        };
        // Works for folders on pages opened from disk too, where the older way does not.
        let handle = Reflect::get(&item, &JsValue::from_str("getAsFileSystemHandle")).ok();
        let handle = handle.and_then(|function| {
            function
                .dyn_into::<Function>()
                .ok()?
                .call0(&item)
                .ok()?
                .dyn_into::<Promise>()
                .ok()
        });
        if let Some(promise) = handle {
            roots.push(Root::Handle(promise));
        } else if let Ok(Some(entry)) = item.webkit_get_as_entry() {
            roots.push(Root::Entry(entry));
        } else if let Ok(Some(file)) = item.get_as_file() {
            roots.push(Root::File(file));
        }
    }
    roots
}

/// The files that were picked in a file input.
#[must_use]
pub fn picked(event: &Event) -> Vec<FoundFile> {
    let Some(input) = event.target_dyn_into::<HtmlInputElement>() else {
        return Vec::new();
    };
    let files = input
        .files()
        .map(|files| listed(&files))
        .unwrap_or_default();
    // The same choice again is a choice too.
    input.set_value("");
    files
}

fn listed(files: &FileList) -> Vec<FoundFile> {
    (0..files.length())
        .filter_map(|index| files.get(index))
        .map(found_file)
        .collect()
}

fn found_file(file: File) -> FoundFile {
    let relative = Reflect::get(&file, &JsValue::from_str("webkitRelativePath"))
        .ok()
        .and_then(|path| path.as_string());
    let path = relative
        .filter(|path| !path.is_empty())
        .unwrap_or_else(|| file.name());
    FoundFile {
        path: FilePath::of(&path),
        source: Source::File(file),
    }
}

impl Drop {
    /// Finds every file in the dropped items.
    ///
    /// # Errors
    /// The browser's words where a folder cannot be listed.
    pub async fn files(self) -> Result<Vec<FoundFile>, String> {
        let mut found = Vec::new();
        for root in self.roots {
            match root {
                Root::File(file) => found.push(found_file(file)),
                Root::Entry(entry) => walk_entry(entry, &mut found)
                    .await
                    .map_err(|error| words(&error))?,
                Root::Handle(promise) => {
                    let handle = JsFuture::from(promise)
                        .await
                        .map_err(|error| words(&error))?;
                    walk_handle(handle, &mut found)
                        .await
                        .map_err(|error| words(&error))?;
                }
            }
        }
        Ok(found)
    }
}

async fn walk_handle(root: JsValue, found: &mut Vec<FoundFile>) -> Result<(), JsValue> {
    let mut folders = vec![(root, String::new(), 0)];
    while let Some((handle, folder, depth)) = folders.pop() {
        let path = joined(&folder, &text(&handle, "name"));
        if text(&handle, "kind") == "file" {
            found.push(FoundFile {
                path: FilePath::of(&path),
                source: Source::Handle(handle),
            });
            continue;
        }
        if depth > DEPTH_MAX {
            continue;
        }
        let values = method(&handle, "values")?.call0(&handle)?;
        let next = method(&values, "next")?;
        while found.len() < ENTRIES_MAX {
            let step = JsFuture::from(next.call0(&values)?.dyn_into::<Promise>()?).await?;
            if Reflect::get(&step, &JsValue::from_str("done"))?.is_truthy() {
                break;
            }
            folders.push((
                Reflect::get(&step, &JsValue::from_str("value"))?,
                path.clone(),
                depth + 1,
            ));
        }
    }
    Ok(())
}

async fn walk_entry(root: FileSystemEntry, found: &mut Vec<FoundFile>) -> Result<(), JsValue> {
    let mut entries = vec![(root, 0)];
    while let Some((entry, depth)) = entries.pop() {
        if entry.is_file() {
            found.push(FoundFile {
                path: FilePath::of(&entry.full_path()),
                source: Source::Entry(entry.unchecked_into()),
            });
        } else if depth <= DEPTH_MAX {
            let reader = entry
                .unchecked_into::<FileSystemDirectoryEntry>()
                .create_reader();
            // A reader gives a hundred entries at a time, and none when there are no more.
            while found.len() < ENTRIES_MAX {
                let batch: Array = called_back(|resolve, reject| {
                    reader.read_entries_with_callback_and_callback(resolve, reject)
                })
                .await?
                .dyn_into()?;
                if batch.length() == 0 {
                    break;
                }
                entries.extend(
                    batch
                        .iter()
                        .map(|entry| (entry.unchecked_into(), depth + 1)),
                );
            }
        }
    }
    Ok(())
}

/// Reads files side by side, each up to one byte more than a sidecar may have: enough to see that
/// it is too large.
pub async fn read(files: &[FoundFile]) -> Vec<ReadFile> {
    let promises: Array = files
        .iter()
        .map(|file| wasm_bindgen_futures::future_to_promise(content(file.source.clone())))
        .collect();
    let settled = JsFuture::from(Promise::all_settled(&promises))
        .await
        .map_or_else(|_| Array::new(), |settled| Array::from(&settled));
    files
        .iter()
        .zip(settled.iter())
        .map(|(file, settled)| {
            let content = match Reflect::get(&settled, &JsValue::from_str("value")) {
                Ok(value) if value.is_instance_of::<Uint8Array>() => {
                    Ok(value.unchecked_into::<Uint8Array>().to_vec())
                }
                _ => Err(Reflect::get(&settled, &JsValue::from_str("reason"))
                    .map_or_else(|error| words(&error), |reason| words(&reason))),
            };
            ReadFile {
                path: file.path.clone(),
                content,
            }
        })
        .collect()
}

async fn content(source: Source) -> Result<JsValue, JsValue> {
    let file: File = match source {
        Source::File(file) => file,
        Source::Handle(handle) => {
            let promise = method(&handle, "getFile")?
                .call0(&handle)?
                .dyn_into::<Promise>()?;
            JsFuture::from(promise).await?.dyn_into()?
        }
        Source::Entry(entry) => called_back(|resolve, reject| {
            entry.file_with_callback_and_callback(resolve, reject);
            Ok(())
        })
        .await?
        .dyn_into()?,
    };
    let most = Limits::DEFAULT.sidecar_bytes_max as f64 + 1.0;
    let start = file.slice_with_f64_and_f64(0.0, most.min(file.size()))?;
    let buffer: ArrayBuffer = JsFuture::from(start.array_buffer()).await?.dyn_into()?;
    Ok(Uint8Array::new(&buffer).into())
}

/// Turns a pair of callbacks into something to wait for.
async fn called_back(
    start: impl FnOnce(&Function, &Function) -> Result<(), JsValue>,
) -> Result<JsValue, JsValue> {
    let mut start = Some(start);
    let promise = Promise::new(&mut |resolve, reject| {
        if let Some(start) = start.take()
            && let Err(error) = start(&resolve, &reject)
        {
            // The promise is rejected with it; there is nobody else to tell.
            let _ = reject.call1(&JsValue::UNDEFINED, &error);
        }
    });
    JsFuture::from(promise).await
}

fn method(object: &JsValue, name: &str) -> Result<Function, JsValue> {
    Reflect::get(object, &JsValue::from_str(name))?.dyn_into()
}

fn text(object: &JsValue, name: &str) -> String {
    Reflect::get(object, &JsValue::from_str(name))
        .ok()
        .and_then(|value| value.as_string())
        .unwrap_or_default()
}

fn joined(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}

/// A browser's error in its own words.
fn words(error: &JsValue) -> String {
    let message = text(error, "message");
    if message.is_empty() {
        "the browser does not say why".to_owned()
    } else {
        message
    }
}
