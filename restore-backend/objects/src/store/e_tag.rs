//! The tags by which a store tells one state of an object from another.

/// Whether two tags are the same, however they were written.
///
/// A tag is quoted in a header and may be marked as weak. Some stores, Azure among them, leave the quotes out in listings. Without a
/// tag nobody can tell.
pub fn is_same_e_tag(one: Option<&str>, other: Option<&str>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => bare(one) == bare(other),
        _ => false,
    }
}

fn bare(tag: &str) -> &str {
    let tag = tag.trim();
    let tag = tag.strip_prefix("W/").unwrap_or(tag);
    tag.strip_prefix('"')
        .and_then(|tag| tag.strip_suffix('"'))
        .unwrap_or(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_the_same_quoted_and_bare() {
        let spellings = ["0x8DC1", "\"0x8DC1\"", "W/\"0x8DC1\"", " \"0x8DC1\" "];
        for one in spellings {
            for other in spellings {
                assert!(is_same_e_tag(Some(one), Some(other)), "{one} {other}");
            }
            for other in [Some("0x8DC2"), Some("\"0x8DC\""), Some(""), None] {
                assert!(!is_same_e_tag(Some(one), other), "{one} {other:?}");
                assert!(!is_same_e_tag(other, Some(one)), "{other:?} {one}");
            }
        }
        assert!(!is_same_e_tag(None, None), "nobody can tell");
        assert!(
            is_same_e_tag(Some("\""), Some("\"")),
            "half a quote is part of the tag"
        );
    }
}
