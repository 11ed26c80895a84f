//! One file of the finished page, with its compressed forms.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::cache::Cache;
use crate::digest::{hex, sha256};
use crate::error::BuildError;

/// A file of the page.
#[derive(Debug)]
pub struct Asset {
    /// Its name, relative to the page.
    pub name: String,
    /// Its media type.
    pub mime: &'static str,
    /// Whether the name changes with the content, so that a copy never goes stale.
    pub immutable: bool,
    /// The digest that names this content to caches.
    pub tag: String,
    /// The content.
    pub raw: Vec<u8>,
    /// The content in brotli.
    pub br: Vec<u8>,
    /// The content in gzip.
    pub gz: Vec<u8>,
}

/// How a file is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// Exactly so, because something outside the page looks for it.
    Fixed,
    /// With a digest of its content.
    Hashed,
}

impl Asset {
    /// Names and compresses a file.
    pub fn new(
        cache: &Cache,
        name: &str,
        naming: Naming,
        raw: Vec<u8>,
    ) -> Result<Self, BuildError> {
        let digest = hex(&sha256(&raw));
        let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
        let immutable = naming == Naming::Hashed;
        Ok(Self {
            mime: mime(extension),
            immutable,
            name: if immutable {
                format!("{stem}-{}.{extension}", &digest[..16])
            } else {
                name.to_owned()
            },
            tag: digest[..32].to_owned(),
            br: cache.get_or_make(&[b"brotli 11", &raw], || {
                brotli(&raw).map_err(BuildError::file("compress", name))
            })?,
            gz: cache.get_or_make(&[b"gzip 9", &raw], || {
                gzip(&raw).map_err(BuildError::file("compress", name))
            })?,
            raw,
        })
    }

    /// The compressed forms worth having, each with the name of its file.
    pub fn compressed(&self) -> impl Iterator<Item = (String, &[u8])> {
        [("br", &self.br), ("gz", &self.gz)]
            .into_iter()
            .filter(|(_, content)| content.len() < self.raw.len())
            .map(|(extension, content)| (format!("{}.{extension}", self.name), &content[..]))
    }
}

/// The media types of the page's own files.
fn mime(extension: &str) -> &'static str {
    match extension {
        "css" => "text/css; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "wasm" => "application/wasm",
        _ => "application/octet-stream",
    }
}

fn brotli(raw: &[u8]) -> io::Result<Vec<u8>> {
    // A window of 2^22 is the default of browsers and servers alike.
    let parameters = brotli::enc::BrotliEncoderParams {
        quality: 11,
        lgwin: 22,
        size_hint: raw.len(),
        ..Default::default()
    };
    let mut compressed = Vec::new();
    brotli::BrotliCompress(&mut &raw[..], &mut compressed, &parameters)?;
    Ok(compressed)
}

/// Content in gzip, at its best.
pub fn gzip(raw: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(raw)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::{Asset, Naming};
    use crate::cache::Cache;

    fn asset(name: &str, naming: Naming, raw: &[u8]) -> Asset {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().to_owned()).unwrap();
        Asset::new(&cache, name, naming, raw.to_vec()).unwrap()
    }

    #[test]
    fn a_hashed_name_follows_the_content() {
        let one = asset("style.css", Naming::Hashed, b"a{}");
        let two = asset("style.css", Naming::Hashed, b"b{}");
        assert_ne!(one.name, two.name);
        assert!(one.name.starts_with("style-") && one.name.ends_with(".css"));
        assert!(one.immutable);
        assert!(!asset("sw.js", Naming::Fixed, b"").immutable);
    }

    #[test]
    fn compressed_forms_give_the_content_back() {
        let raw = b"0123456789".repeat(1000);
        let asset = asset("x.js", Naming::Hashed, &raw);
        let mut back = Vec::new();
        flate2::read::GzDecoder::new(&asset.gz[..])
            .read_to_end(&mut back)
            .unwrap();
        assert_eq!(back, raw);
        back.clear();
        brotli::BrotliDecompress(&mut &asset.br[..], &mut back).unwrap();
        assert_eq!(back, raw);
        assert!(asset.br.len() < asset.gz.len() && asset.gz.len() < raw.len());
    }
}
