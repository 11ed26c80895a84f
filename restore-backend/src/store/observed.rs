//! An object store that records each request and, on local disk, returns only when it is durable.

use std::fmt;
use std::ops::Range;
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
use object_store::ListResult;
use object_store::MultipartUpload;
use object_store::ObjectMeta;
use object_store::ObjectStore;
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

/// The file Lance keeps its guess of the latest version in.
const VERSION_HINT_FILE: &str = "latest_version_hint.json";

/// Wraps any object store; see the module for what it adds.
#[derive(Clone, Debug)]
pub struct ObservedStore {
    inner: Arc<dyn ObjectStore>,
    observer: Observer,
    local_sync: Option<LocalSync>,
    hides_version_hint: bool,
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
        }
    }

    /// Records paths relative to `prefix`.
    pub fn relative_to(mut self, prefix: Path) -> Self {
        self.observer.prefix = prefix;
        self
    }

    /// Adds the syncs that a local store with `with_fsync` leaves out. `inner` must be a local
    /// store whose paths start at the root of the file system.
    pub fn with_local_sync(mut self) -> Self {
        self.local_sync = Some(LocalSync::new());
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
        answer
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
            Ok::<_, object_store::Error>(
                conduct.listing(listing, move |meta| observer.relative(&meta.location)),
            )
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
        let answer = match conduct.pretended() {
            Some(acknowledged) => Ok(acknowledged),
            None => self.inner.put_opts(location, payload, opts).await,
        };
        if let (Some(sync), Err(object_store::Error::AlreadyExists { .. })) =
            (&self.local_sync, &answer)
        {
            sync.found(location).await?;
        }
        self.observer.end(&request, answer).await
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
            observer: self.observer.clone(),
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
                Ok(found) => conduct.body(found).await,
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
        let answer = self.inner.copy_opts(from, to, options).await;
        self.observer.end(&request, answer).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        let verb = match options.target_mode {
            RenameTargetMode::Overwrite => Verb::Rename,
            RenameTargetMode::Create => Verb::RenameCreate,
        };
        let request = self.observer.begin(verb, to).await?;
        let answer = self.inner.rename_opts(from, to, options).await;
        self.observer.end(&request, answer).await
    }
}

#[derive(Debug)]
struct ObservedUpload {
    inner: Box<dyn MultipartUpload>,
    observer: Observer,
    location: Path,
}

#[async_trait]
impl MultipartUpload for ObservedUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let part = self.inner.put_part(data);
        let observer = self.observer.clone();
        let location = self.location.clone();
        async move {
            let request = observer.begin(Verb::PutPart, &location).await?;
            observer.end(&request, part.await).await
        }
        .boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let request = self
            .observer
            .begin(Verb::CompleteMultipart, &self.location)
            .await?;
        let answer = self.inner.complete().await;
        self.observer.end(&request, answer).await
    }

    async fn abort(&mut self) -> Result<()> {
        let request = self
            .observer
            .begin(Verb::AbortMultipart, &self.location)
            .await?;
        let answer = self.inner.abort().await;
        self.observer.end(&request, answer).await
    }
}
