//! The words and signs of a Rust source, each with its line; comments and the insides of literals are left out.

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// An identifier, a keyword or a number.
    Word(String),
    /// A string literal: only `#[path = "…"]` needs its text.
    Text(String),
    /// `::`
    PathSeparator,
    /// Any other sign.
    Sign(char),
}

#[derive(Clone, Debug)]
pub struct Token {
    pub what: What,
    pub line: usize,
}

impl Token {
    pub fn is(&self, sign: char) -> bool {
        self.what == What::Sign(sign)
    }

    pub fn word(&self) -> Option<&str> {
        match &self.what {
            What::Word(word) => Some(word),
            _ => None,
        }
    }
}

pub fn tokens(source: &str) -> Vec<Token> {
    let mut lexer = Lexer {
        chars: source.chars().collect(),
        at: 0,
        line: 1,
        tokens: Vec::new(),
    };
    while let Some(next) = lexer.peek(0) {
        lexer.token(next);
    }
    lexer.tokens
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
    line: usize,
    tokens: Vec<Token>,
}

impl Lexer {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn advance(&mut self) -> Option<char> {
        let next = self.peek(0)?;
        self.at += 1;
        if next == '\n' {
            self.line += 1;
        }
        Some(next)
    }

    fn push(&mut self, line: usize, what: What) {
        self.tokens.push(Token { what, line });
    }

    fn token(&mut self, next: char) {
        let line = self.line;
        match (next, self.peek(1)) {
            ('/', Some('/')) => {
                while self.peek(0).is_some_and(|c| c != '\n') {
                    self.advance();
                }
            }
            ('/', Some('*')) => self.block_comment(),
            ('"', _) => self.string(),
            ('\'', _) => self.char_or_lifetime(),
            (':', Some(':')) => {
                self.at += 2;
                self.push(line, What::PathSeparator);
            }
            (c, _) if is_in_a_word(c) => self.word(),
            (c, _) => {
                self.advance();
                if !c.is_whitespace() {
                    self.push(line, What::Sign(c));
                }
            }
        }
    }

    /// Block comments nest.
    fn block_comment(&mut self) {
        let mut depth = 0;
        while let Some(next) = self.advance() {
            match (next, self.peek(0)) {
                ('/', Some('*')) => depth += 1,
                ('*', Some('/')) => depth -= 1,
                _ => continue,
            }
            self.advance();
            if depth == 0 {
                return;
            }
        }
    }

    fn string(&mut self) {
        let line = self.line;
        let mut text = String::new();
        self.advance();
        while let Some(next) = self.advance() {
            match next {
                '"' => break,
                '\\' => text.extend(self.advance()),
                other => text.push(other),
            }
        }
        self.push(line, What::Text(text));
    }

    /// At the first `#` or the quote: the text up to a quote and as many `#` as stand before the first quote.
    fn raw_string(&mut self) {
        let line = self.line;
        let mut hashes = 0;
        while self.peek(0) == Some('#') {
            self.advance();
            hashes += 1;
        }
        self.advance();
        let mut text = String::new();
        while let Some(next) = self.advance() {
            if next == '"' && (0..hashes).all(|index| self.peek(index) == Some('#')) {
                self.at += hashes;
                break;
            }
            text.push(next);
        }
        self.push(line, What::Text(text));
    }

    fn char_or_lifetime(&mut self) {
        self.advance();
        if self.peek(0) == Some('\\') {
            self.advance();
            self.advance();
            while self.advance().is_some_and(|c| c != '\'') {}
        } else if self.peek(1) == Some('\'') {
            self.advance();
            self.advance();
        } else {
            while self.peek(0).is_some_and(is_in_a_word) {
                self.advance();
            }
        }
    }

    fn word(&mut self) {
        let line = self.line;
        let mut word = String::new();
        while let Some(next) = self.peek(0).filter(|c| is_in_a_word(*c)) {
            word.push(next);
            self.advance();
        }
        let (next, after) = (self.peek(0), self.peek(1));
        let is_raw = ["r", "br", "cr"].contains(&word.as_str());
        match next {
            Some('"') if is_raw => self.raw_string(),
            Some('#') if is_raw && matches!(after, Some('"' | '#')) => self.raw_string(),
            // r#type: the word alone follows.
            Some('#') if word == "r" => {
                self.advance();
            }
            Some('"') if word == "b" || word == "c" => self.string(),
            _ => self.push(line, What::Word(word)),
        }
    }
}

fn is_in_a_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}
