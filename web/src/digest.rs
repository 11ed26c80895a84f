//! SHA-256 over several parts, each with its length, so that two different lists of parts differ in their digests.

use sha2::{Digest as _, Sha256};

/// A digest in the making.
#[derive(Debug, Default)]
pub struct Digest(Sha256);

impl Digest {
    /// Adds one part.
    pub fn add(&mut self, part: &[u8]) {
        self.0.update((part.len() as u64).to_le_bytes());
        self.0.update(part);
    }

    /// The digest of all parts, in hexadecimal.
    pub fn finish(self) -> String {
        hex(&self.0.finalize())
    }
}

/// The SHA-256 of one piece of content.
pub fn sha256(content: &[u8]) -> [u8; 32] {
    Sha256::digest(content).into()
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::{Digest, hex, sha256};

    #[test]
    fn parts_do_not_run_into_each_other() {
        let of = |parts: &[&[u8]]| {
            let mut digest = Digest::default();
            parts.iter().for_each(|part| digest.add(part));
            digest.finish()
        };
        assert_ne!(of(&[b"ab", b"c"]), of(&[b"a", b"bc"]));
        assert_eq!(of(&[b"ab"]), of(&[b"ab"]));
    }

    #[test]
    fn hexadecimal_of_a_known_digest() {
        assert!(hex(&sha256(b"")).starts_with("e3b0c44298fc1c149afbf4c8996fb924"));
    }
}
