//! How a store treats a request. Real stores are faithful; tests imitate stores that are stale, cut answers short or are broken.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use futures::TryStreamExt;
use futures::stream;
use futures::stream::BoxStream;
use object_store::GetResult;
use object_store::GetResultPayload;
use object_store::ListResult;
use object_store::ObjectMeta;
use object_store::PutResult;
use object_store::Result;

/// How one request is treated.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Conduct {
    /// As it asks.
    #[default]
    Faithful,
    /// The body of a read ends half-way.
    Truncated,
    /// A read is answered as if these objects, named relative to the root, had not been written yet.
    Without(Arc<BTreeSet<String>>),
    /// A write is acknowledged and not carried out.
    Pretended,
    /// A create overwrites what is there.
    Unconditional,
}

impl Conduct {
    /// Whether a read finds nothing under this name.
    pub(super) fn hides(&self, path: &str) -> bool {
        matches!(self, Self::Without(hidden) if hidden.contains(path))
    }

    pub(super) async fn body(&self, mut answer: GetResult) -> Result<GetResult> {
        if *self != Self::Truncated {
            return Ok(answer);
        }
        let range = answer.range.clone();
        let (meta, attributes, extensions) = (
            answer.meta.clone(),
            answer.attributes.clone(),
            std::mem::take(&mut answer.extensions),
        );
        let half = half(answer.bytes().await?);
        Ok(GetResult {
            payload: GetResultPayload::Stream(stream::once(async { Ok(half) }).boxed()),
            meta,
            range,
            attributes,
            extensions,
        })
    }

    pub(super) fn ranges(&self, bodies: Vec<Bytes>) -> Vec<Bytes> {
        if *self != Self::Truncated {
            return bodies;
        }
        bodies.into_iter().map(half).collect()
    }

    pub(super) fn listing(
        self,
        listing: BoxStream<'static, Result<ObjectMeta>>,
        name: impl Fn(&ObjectMeta) -> String + Send + 'static,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        match self {
            Self::Without(_) => listing
                .try_filter(move |meta| std::future::ready(!self.hides(&name(meta))))
                .boxed(),
            _ => listing,
        }
    }

    pub(super) fn folder(
        &self,
        mut folder: ListResult,
        name: impl Fn(&ObjectMeta) -> String,
    ) -> ListResult {
        folder.objects.retain(|meta| !self.hides(&name(meta)));
        folder
    }

    /// The acknowledgement of a write that is not carried out.
    pub(super) fn pretended(&self) -> Option<PutResult> {
        (*self == Self::Pretended).then(|| PutResult {
            e_tag: None,
            version: None,
            extensions: Default::default(),
        })
    }
}

fn half(body: Bytes) -> Bytes {
    body.slice(..body.len() / 2)
}
