//! Text that came from outside, made fit to be shown to people.

/// Cuts `text` to `chars_max` characters and replaces what could steer a terminal or turn the direction of a line.
pub(crate) fn shown(text: &str, chars_max: usize) -> String {
    let mut chars = text.chars();
    let mut shown: String = chars
        .by_ref()
        .take(chars_max)
        .map(|char| {
            if steers(char) {
                char::REPLACEMENT_CHARACTER
            } else {
                char
            }
        })
        .collect();
    if chars.next().is_some() {
        shown.push('…');
    }
    shown
}

fn steers(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_steer_a_terminal_is_replaced_and_what_is_long_is_cut() {
        for (text, expected) in [
            ("act-ada", "act-ada"),
            ("Ada Löve 日本", "Ada Löve 日本"),
            ("\u{1b}[31mada\r\n", "\u{fffd}[31mada\u{fffd}\u{fffd}"),
            ("ada\u{202e}nosj", "ada\u{fffd}nosj"),
            ("a\u{61c}b\u{200f}c", "a\u{fffd}b\u{fffd}c"),
            ("12345678901234567", "1234567890123456…"),
        ] {
            assert_eq!(shown(text, 16), expected);
        }
    }
}
