//! An object that is written in parts.

use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use async_trait::async_trait;
use futures::FutureExt;
use object_store::MultipartUpload;
use object_store::PutPayload;
use object_store::PutResult;
use object_store::Result;
use object_store::UploadPart;

use super::blocking::blocking;
use super::error::Failure;
use super::writing::Over;
use super::writing::Staged;

#[derive(Debug)]
pub(super) struct Upload {
    /// `None` once the upload is completed or aborted.
    staged: Arc<Mutex<Option<Staged>>>,
    offset: u64,
    synced: bool,
}

impl Upload {
    pub(super) fn of(staged: Staged, synced: bool) -> Self {
        Self {
            staged: Arc::new(Mutex::new(Some(staged))),
            offset: 0,
            synced,
        }
    }

    fn take(staged: &Mutex<Option<Staged>>) -> Option<Staged> {
        staged.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let mut offset = self.offset;
        self.offset += data.content_length() as u64;
        let staged = self.staged.clone();
        blocking(move || {
            let staged = staged.lock().unwrap_or_else(PoisonError::into_inner);
            let staged = staged.as_ref().ok_or(Failure::Aborted)?;
            for bytes in data.iter() {
                staged
                    .file
                    .write_all_at(bytes, offset)
                    .map_err(|error| Failure::io("writing", &staged.path, error))?;
                offset += bytes.len() as u64;
            }
            Ok(())
        })
        .boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let (staged, synced) = (self.staged.clone(), self.synced);
        blocking(move || {
            let staged = Self::take(&staged).ok_or(Failure::Aborted)?;
            Ok(staged.publish(Over::Anything, synced)?)
        })
        .await
    }

    async fn abort(&mut self) -> Result<()> {
        let staged = self.staged.clone();
        blocking(move || {
            let staged = Self::take(&staged).ok_or(Failure::Aborted)?;
            Ok(staged.discard()?)
        })
        .await
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let Some(staged) = Self::take(&self.staged) else {
            return;
        };
        // A failure is ignored: a staged file that stays is no object and disturbs nobody.
        let discard = move || drop(staged.discard());
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(discard)),
            Err(_) => discard(),
        }
    }
}
