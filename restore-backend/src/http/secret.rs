//! Random secrets, and what is kept of them: never the secret, only its hash.

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The operating system gave no randomness.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gave no random bytes")]
pub struct SecretError(#[source] getrandom::Error);

/// 256 random bits as 64 hexadecimal digits. Shown only to the person or page it is made for, and never stored.
pub(super) struct Secret(String);

/// As many random bytes, as hexadecimal digits: a name that nobody can guess, and that is no secret by itself.
pub(super) fn random_name<const BYTES: usize>() -> Result<String, SecretError> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).map_err(SecretError)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The SHA-256 of a secret. A secret has 256 random bits, so a plain hash of it tells nothing.
#[derive(Clone)]
pub(super) struct Fingerprint([u8; 32]);

impl Secret {
    pub(super) fn random() -> Result<Self, SecretError> {
        random_name::<32>().map(Self)
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(..)")
    }
}

impl Fingerprint {
    pub(super) fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// Compares in constant time.
    pub(super) fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Fingerprint(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_matches_itself_alone() {
        let (one, other) = (Secret::random().unwrap(), Secret::random().unwrap());
        assert_eq!(one.expose().len(), 64);
        assert!(one.fingerprint().matches(&Fingerprint::of(one.expose())));
        assert!(!one.fingerprint().matches(&other.fingerprint()));
        assert!(!one.fingerprint().matches(&Fingerprint::of("")));
    }

    #[test]
    fn nothing_of_a_secret_is_in_its_debug_text() {
        let secret = Secret::random().unwrap();
        assert_eq!(
            format!("{secret:?} {:?}", secret.fingerprint()),
            "Secret(..) Fingerprint(..)"
        );
    }
}
