//! Reading objects.

use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use bytes::Bytes;
use object_store::Attributes;
use object_store::GetOptions;
use object_store::GetResult;
use object_store::GetResultPayload;
use object_store::Result;
use object_store::path::Path;

use super::error::Failure;
use super::files::ConfinedFiles;
use super::files::OpenedFile;

impl ConfinedFiles {
    pub(super) fn get(&self, location: Path, options: &GetOptions) -> Result<GetResult> {
        let opened = self.open_file(&self.relative_file(&location)?)?;
        let meta = opened.found.meta(location);
        options.check_preconditions(&meta)?;
        let range = match &options.range {
            Some(range) => {
                range
                    .as_range(meta.size)
                    .map_err(|source| object_store::Error::Generic {
                        store: "local disk",
                        source: Box::new(source),
                    })?
            }
            None => 0..meta.size,
        };
        Ok(GetResult {
            payload: GetResultPayload::File(opened.file, opened.path),
            attributes: Attributes::default(),
            range,
            meta,
            extensions: Default::default(),
        })
    }

    pub(super) fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let opened = self.open_file(&self.relative_file(location)?)?;
        let bodies = ranges.iter().map(|range| opened.read(range));
        Ok(bodies.collect::<std::result::Result<_, _>>()?)
    }
}

impl OpenedFile {
    fn read(&self, range: &Range<u64>) -> std::result::Result<Bytes, Failure> {
        let outside = || Failure::Range {
            path: self.path.clone(),
            start: range.start,
            end: range.end,
            size: self.found.size,
        };
        let length = range.end.checked_sub(range.start).ok_or_else(outside)?;
        if range.end > self.found.size {
            return Err(outside());
        }
        let length = usize::try_from(length).map_err(|_| outside())?;
        let mut body = vec![0; length];
        match self.file.read_exact_at(&mut body, range.start) {
            Ok(()) => Ok(body.into()),
            // It was cut since it was opened.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(outside()),
            Err(error) => Err(Failure::io("reading", &self.path, error)),
        }
    }
}
