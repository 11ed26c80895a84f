//! Byte counts as people read them.

use std::fmt;

/// A number of bytes, shown in kB (thousands).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub usize);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{} kB", self.0 / 1000, self.0 % 1000 / 100)
    }
}

#[cfg(test)]
mod tests {
    use super::Bytes;

    #[test]
    fn shown_in_thousands_with_one_decimal() {
        assert_eq!(Bytes(0).to_string(), "0.0 kB");
        assert_eq!(Bytes(41_593).to_string(), "41.5 kB");
        assert_eq!(Bytes(300_000).to_string(), "300.0 kB");
    }
}
