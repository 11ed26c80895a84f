//! Errors with everything that caused them, in one line.

use std::error::Error;

use crate::text::scrubbed;

/// The error and its sources, `what failed: why: why`. Left out are a source that only repeats the text before it, places in
/// source files, which lie on the machine that built this program, and passwords in addresses.
#[must_use]
pub fn error_text(error: &dyn Error) -> String {
    let mut text = scrubbed(&error.to_string());
    let mut source = error.source();
    while let Some(error) = source {
        let words = scrubbed(&error.to_string());
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{words}")]
    struct Link {
        words: &'static str,
        #[source]
        source: Option<Box<Link>>,
    }

    fn chain(words: &[&'static str]) -> Link {
        let (first, rest) = words.split_first().unwrap();
        Link {
            words: first,
            source: (!rest.is_empty()).then(|| Box::new(chain(rest))),
        }
    }

    #[test]
    fn sources_follow_and_repetitions_do_not() {
        assert_eq!(
            error_text(&chain(&["a table cannot be read", "no permission"])),
            "a table cannot be read: no permission"
        );
        assert_eq!(
            error_text(&chain(&["put failed: disk full", "disk full", "errno 28"])),
            "put failed: disk full: errno 28"
        );
    }

    #[test]
    fn an_error_does_not_say_the_password_of_an_address() {
        assert_eq!(
            error_text(&chain(&["no answer", "url (http://ada:pa55@minio:9000/b)"])),
            "no answer: url (http://***@minio:9000/b)"
        );
    }
}
