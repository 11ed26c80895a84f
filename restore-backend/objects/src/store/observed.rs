//! An object store that records each request and, on local disk, returns only when it is durable.

use std::fmt;
use std::ops::Range;
use std::slice;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::FutureExt;
use futures::StreamExt;
use futures::TryStreamExt;
use futures::stream;
use futures::stream::BoxStream;
use object_store::CopyMode;
use object_store::CopyOptions;
use object_store::GetOptions;
use object_store::GetResult;
use object_store::GetResultPayload;
use object_store::ListResult;
use object_store::MultipartUpload;
use object_store::ObjectMeta;
use object_store::ObjectStore;
use object_store::ObjectStoreExt;
use object_store::PutMode;
use object_store::PutMultipartOptions;
use object_store::PutOptions;
use object_store::PutPayload;
use object_store::PutResult;
use object_store::RenameOptions;
use object_store::RenameTargetMode;
use object_store::Result;
use object_store::UploadPart;
use object_store::path::Path;

use super::Conduct;
use super::Request;
use super::RequestLog;
use super::Verb;
use super::durability::LocalSync;
use super::hold::FolderLock;
use super::hold::WriteCondition;

/// The file Lance keeps its guess of the latest version in.
const VERSION_HINT_FILE: &str = "latest_version_hint.json";

/// Wraps any object store; see the module for what it adds.
#[derive(Clone, Debug)]
pub struct ObservedStore {
    inner: Arc<dyn ObjectStore>,
    observer: Observer,
    local_sync: Option<LocalSync>,
    hides_version_hint: bool,
    listener: Option<Arc<dyn PutListener>>,
}

/// Is told what was stored.
pub trait PutListener: fmt::Debug + Send + Sync {
    /// `payload` is at `location`, and the store named it as `result` says.
    fn stored(&self, location: &Path, payload: &PutPayload, result: &PutResult);
}

impl ObservedStore {
    /// Records every request to `inner` in `log`.
    pub fn new(inner: Arc<dyn ObjectStore>, log: RequestLog) -> Self {
        Self {
            inner,
            observer: Observer {
                log,
                prefix: Path::default(),
            },
            local_sync: None,
            hides_version_hint: false,
            listener: None,
        }
    }

    /// Tells `listener` of every object that is put whole.
    pub fn heard_by(mut self, listener: Arc<dyn PutListener>) -> Self {
        self.listener = Some(listener);
        self
    }

    /// Records paths relative to `prefix`.
    pub fn relative_to(mut self, prefix: Path) -> Self {
        self.observer.prefix = prefix;
        self
    }

    /// Adds the syncs that a synced local store leaves out. `inner` must be a local store whose
    /// paths start at the root of the file system. Set the prefix first: folders above it are not
    /// synced.
    pub fn with_local_sync(self) -> Self {
        let sync = LocalSync::below(&self.observer.prefix);
        self.syncing_with(sync)
    }

    /// Adds the syncs that a synced local store leaves out.
    pub fn syncing_with(mut self, sync: LocalSync) -> Self {
        self.local_sync = Some(sync);
        self
    }

    /// Answers every read of a Lance version hint with "not found", without a request.
    ///
    /// A reader that believes the hint looks for the next version by counting up from it and stops
    /// at the first gap. Cleanup leaves gaps: it removes versions between a tagged one and HEAD,
    /// and a hint that was written by a slower writer, or not rewritten by an older one, can name
    /// the version below the gap. HEAD would then be read too low, and everything decided from it
    /// would be wrong. Without a hint, HEAD is found by listing.
    pub fn without_version_hint(mut self) -> Self {
        self.hides_version_hint = true;
        self
    }

    fn is_hidden(&self, location: &Path) -> bool {
        self.hides_version_hint && location.filename() == Some(VERSION_HINT_FILE)
    }

    /// An error if a mutating request may not be sent. On local disk nobody takes over before the answer is dropped.
    async fn folder_lock(&self) -> Result<Option<FolderLock>> {
        let hold = match WriteCondition::current() {
            Some(WriteCondition::Held(hold)) => hold,
            Some(WriteCondition::Exclusive(place)) => {
                return Ok(Some(FolderLock::exclusive(place).await));
            }
            None => return Ok(None),
        };
        if let Some(turn) = hold.locally().await {
            return turn.map(Some);
        }
        let prefix = self.observer.prefix.parts();
        let next = Path::from_iter(prefix.chain(hold.next().parts()));
        let options = GetOptions {
            head: true,
            ..GetOptions::default()
        };
        match self.get_opts(&next, options).await {
            Ok(_) => Err(hold.lose()),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Syncs the names of the folders of a written object; the object itself is durable already.
    async fn written<T>(&self, location: &Path, answer: Result<T>) -> Result<T> {
        let answer = answer?;
        if let Some(sync) = &self.local_sync {
            sync.written(location).await?;
        }
        Ok(answer)
    }
}

impl ObservedStore {
    /// One deletion under a hold: the look for a takeover and the request are one.
    async fn delete_held(&self, location: Path) -> Result<Path> {
        let request = self.observer.begin(Verb::Delete, &location).await?;
        let turn = self.folder_lock().await?;
        let mut answer = self.inner.delete(&location).await;
        if let (Some(sync), Ok(())) = (&self.local_sync, &answer) {
            answer = sync.removed(&location).await;
        }
        drop(turn);
        self.observer.end(&request, answer.map(|()| location)).await
    }
}

fn hidden(location: &Path) -> object_store::Error {
    object_store::Error::NotFound {
        path: location.to_string(),
        source: "version hints are not believed".into(),
    }
}

fn not_yet(location: &Path) -> object_store::Error {
    object_store::Error::NotFound {
        path: location.to_string(),
        source: "the store has not heard of it yet".into(),
    }
}

/// Whether this is an answer of the store, and not the failure to ask it or to get an answer in time.
const fn comes_from_the_store<T>(answer: &Result<T>) -> bool {
    !matches!(
        answer,
        Err(object_store::Error::Generic { .. } | object_store::Error::JoinError { .. })
    )
}

#[derive(Clone, Debug)]
struct Observer {
    log: RequestLog,
    prefix: Path,
}

impl Observer {
    fn request(&self, verb: Verb, location: &Path) -> Request {
        let path = self.relative(location);
        Request { verb, path }
    }

    fn relative(&self, location: &Path) -> String {
        match location.prefix_match(&self.prefix) {
            Some(parts) => Path::from_iter(parts).to_string(),
            None => location.to_string(),
        }
    }

    async fn begin(&self, verb: Verb, location: &Path) -> Result<Request> {
        let request = self.request(verb, location);
        self.log.begin(&request).await?;
        Ok(request)
    }

    async fn end<T>(&self, request: &Request, answer: Result<T>) -> Result<T> {
        self.log.end(request, answer.is_ok()).await?;
        self.note(&answer);
        answer
    }

    fn note<T>(&self, answer: &Result<T>) {
        if comes_from_the_store(answer) {
            self.log.note_answer();
        }
    }

    /// Each part of a body that is on its way counts as an answer.
    fn observe_body(&self, found: GetResult) -> GetResult {
        let payload = match found.payload {
            GetResultPayload::Stream(chunks) => {
                let observer = self.clone();
                let noted = chunks.inspect(move |chunk| observer.note(chunk));
                GetResultPayload::Stream(noted.boxed())
            }
            file => file,
        };
        GetResult { payload, ..found }
    }

    fn observe_list(
        &self,
        prefix: Option<&Path>,
        listing: BoxStream<'static, Result<ObjectMeta>>,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let log = self.log.clone();
        let request = self.request(Verb::List, prefix.unwrap_or(&Path::default()));
        let observer = self.clone();
        let begun = async move {
            log.begin(&request).await?;
            let conduct = log.conduct(&request);
            let names = observer.clone();
            let entries = conduct.listing(listing, move |meta| names.relative(&meta.location));
            Ok::<_, object_store::Error>(entries.inspect(move |entry| observer.note(entry)))
        };
        stream::once(begun).try_flatten().boxed()
    }
}

impl fmt::Display for ObservedStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ObservedStore({})", self.inner)
    }
}

#[async_trait]
impl ObjectStore for ObservedStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        mut opts: PutOptions,
    ) -> Result<PutResult> {
        let verb = match opts.mode {
            PutMode::Overwrite => Verb::Put,
            PutMode::Create => Verb::PutCreate,
            PutMode::Update(_) => Verb::PutUpdate,
        };
        let request = self.observer.begin(verb, location).await?;
        let conduct = self.observer.log.conduct(&request);
        if conduct == Conduct::Unconditional {
            opts.mode = PutMode::Overwrite;
        }
        let turn = self.folder_lock().await?;
        let answer = match conduct.pretended() {
            Some(acknowledged) => Ok(acknowledged),
            None => {
                let answer = self.inner.put_opts(location, payload.clone(), opts).await;
                self.written(location, answer).await
            }
        };
        drop(turn);
        if let (Some(sync), Err(object_store::Error::AlreadyExists { .. })) =
            (&self.local_sync, &answer)
        {
            sync.make_durable(slice::from_ref(location)).await?;
        }
        let stored = self.observer.end(&request, answer).await?;
        if let Some(listener) = &self.listener {
            listener.stored(location, &payload, &stored);
        }
        Ok(stored)
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let request = self.observer.begin(Verb::PutMultipart, location).await?;
        let answer = self.inner.put_multipart_opts(location, opts).await;
        let upload = self.observer.end(&request, answer).await?;
        Ok(Box::new(ObservedUpload {
            inner: upload,
            store: self.clone(),
            location: location.clone(),
        }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        if self.is_hidden(location) {
            return Err(hidden(location));
        }
        let verb = if options.head { Verb::Head } else { Verb::Get };
        let request = self.observer.begin(verb, location).await?;
        let conduct = self.observer.log.conduct(&request);
        let answer = if conduct.hides(&request.path) {
            Err(not_yet(location))
        } else {
            match self.inner.get_opts(location, options).await {
                Ok(found) => conduct.body(self.observer.observe_body(found)).await,
                Err(error) => Err(error),
            }
        };
        self.observer.end(&request, answer).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        if self.is_hidden(location) {
            return Err(hidden(location));
        }
        let request = self.observer.begin(Verb::Get, location).await?;
        let conduct = self.observer.log.conduct(&request);
        let answer = if conduct.hides(&request.path) {
            Err(not_yet(location))
        } else {
            let found = self.inner.get_ranges(location, ranges).await;
            found.map(|bodies| conduct.ranges(bodies))
        };
        self.observer.end(&request, answer).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        if WriteCondition::current().is_some() {
            let store = self.clone();
            return locations
                .and_then(move |location| {
                    let store = store.clone();
                    async move { store.delete_held(location).await }
                })
                .boxed();
        }
        let observer = self.observer.clone();
        let begun = locations.and_then(move |location| {
            let observer = observer.clone();
            async move {
                observer.begin(Verb::Delete, &location).await?;
                Ok(location)
            }
        });
        let observer = self.observer.clone();
        let local_sync = self.local_sync.clone();
        self.inner
            .delete_stream(begun.boxed())
            .and_then(move |location| {
                let observer = observer.clone();
                let local_sync = local_sync.clone();
                async move {
                    if let Some(sync) = local_sync {
                        sync.removed(&location).await?;
                    }
                    let request = observer.request(Verb::Delete, &location);
                    observer.end(&request, Ok(location)).await
                }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.observer.observe_list(prefix, self.inner.list(prefix))
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.observer
            .observe_list(prefix, self.inner.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let request = self
            .observer
            .begin(Verb::List, prefix.unwrap_or(&Path::default()))
            .await?;
        let conduct = self.observer.log.conduct(&request);
        let answer = self.inner.list_with_delimiter(prefix).await;
        let answer = answer
            .map(|folder| conduct.folder(folder, |meta| self.observer.relative(&meta.location)));
        self.observer.end(&request, answer).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let verb = match options.mode {
            CopyMode::Overwrite => Verb::Copy,
            CopyMode::Create => Verb::CopyCreate,
        };
        let request = self.observer.begin(verb, to).await?;
        let turn = self.folder_lock().await?;
        let answer = self.inner.copy_opts(from, to, options).await;
        let answer = self.written(to, answer).await;
        drop(turn);
        self.observer.end(&request, answer).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        let verb = match options.target_mode {
            RenameTargetMode::Overwrite => Verb::Rename,
            RenameTargetMode::Create => Verb::RenameCreate,
        };
        let request = self.observer.begin(verb, to).await?;
        let turn = self.folder_lock().await?;
        let answer = self.inner.rename_opts(from, to, options).await;
        let answer = self.written(to, answer).await;
        drop(turn);
        self.observer.end(&request, answer).await
    }
}

#[derive(Debug)]
struct ObservedUpload {
    inner: Box<dyn MultipartUpload>,
    store: ObservedStore,
    location: Path,
}

#[async_trait]
impl MultipartUpload for ObservedUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let part = self.inner.put_part(data);
        let observer = self.store.observer.clone();
        let location = self.location.clone();
        async move {
            let request = observer.begin(Verb::PutPart, &location).await?;
            observer.end(&request, part.await).await
        }
        .boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let observer = &self.store.observer;
        let request = observer
            .begin(Verb::CompleteMultipart, &self.location)
            .await?;
        let turn = self.store.folder_lock().await?;
        let answer = self.inner.complete().await;
        let answer = self.store.written(&self.location, answer).await;
        drop(turn);
        observer.end(&request, answer).await
    }

    async fn abort(&mut self) -> Result<()> {
        let observer = &self.store.observer;
        let request = observer.begin(Verb::AbortMultipart, &self.location).await?;
        let answer = self.inner.abort().await;
        observer.end(&request, answer).await
    }
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;
    use tokio::time::Instant;

    use super::*;

    fn answered(log: &RequestLog, before: Option<Instant>) -> Option<Instant> {
        let answered = log.last_answer();
        assert!(answered > before, "an answer is noted when it comes");
        answered
    }

    #[tokio::test]
    async fn every_piece_of_an_answer_is_noted() {
        let log = RequestLog::new();
        let store = ObservedStore::new(Arc::new(InMemory::new()), log.clone());
        assert_eq!(log.last_answer(), None);
        let mut last = None;
        for name in ["long/a", "long/b"] {
            store.put(&Path::from(name), name.into()).await.unwrap();
            last = answered(&log, last);
        }
        let mut listing = store.list(Some(&Path::from("long")));
        for _ in 0..2 {
            listing.try_next().await.unwrap().unwrap();
            last = answered(&log, last);
        }
        let found = store.get(&Path::from("long/a")).await.unwrap();
        last = answered(&log, last);
        found.bytes().await.unwrap();
        last = answered(&log, last);
        let absent = store.get(&Path::from("short")).await;
        assert!(matches!(absent, Err(object_store::Error::NotFound { .. })));
        answered(&log, last);
    }

    #[test]
    fn a_store_that_could_not_be_asked_has_not_answered() {
        let unreachable = object_store::Error::Generic {
            store: "test",
            source: "no route to host".into(),
        };
        assert!(!comes_from_the_store::<()>(&Err(unreachable)));
    }
}
