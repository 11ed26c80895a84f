//! A module as its source shows it: its child modules, its imports, the items it defines, the paths and names it uses.

use std::collections::{BTreeMap, BTreeSet};

use crate::tokens::{Token, What};

#[derive(Debug, Default)]
pub struct Scope {
    pub children: Vec<Child>,
    pub imports: Vec<Import>,
    /// Items at the level of the module, macros among them.
    pub definitions: BTreeSet<String>,
    /// Paths that stand in the code: `crate::chain::text`, `rows::batch`, `Step::Fence`.
    pub paths: Vec<InlinePath>,
    /// Names that stand alone in the code and can be those of an item, with the first line of each.
    pub mentions: BTreeMap<String, usize>,
    /// Whether the source opens with `#![cfg(test)]`.
    pub is_test: bool,
}

#[derive(Debug)]
pub struct Child {
    pub name: String,
    pub is_test: bool,
    pub body: Body,
}

#[derive(Debug)]
pub enum Body {
    Inline(Scope),
    /// A file of its own, which `#[path]` may name.
    File(Option<String>),
}

/// One name that a `use` brings in.
#[derive(Debug)]
pub struct Import {
    pub path: Vec<String>,
    pub brings: Brings,
    /// With any visibility at all: it can be meant for others.
    pub is_public: bool,
    pub line: usize,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Brings {
    Name(String),
    Everything,
}

#[derive(Debug)]
pub struct InlinePath {
    pub segments: Vec<String>,
    pub line: usize,
}

pub fn scope(tokens: &[Token]) -> Scope {
    let mut reader = Reader { tokens, at: 0 };
    reader.scope()
}

/// Said before an item: attributes and visibility.
#[derive(Default)]
struct Preamble {
    is_test: bool,
    path: Option<String>,
    is_public: bool,
}

struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self, ahead: usize) -> Option<&'a Token> {
        self.tokens.get(self.at + ahead)
    }

    fn previous(&self) -> Option<&'a Token> {
        self.tokens.get(self.at.checked_sub(1)?)
    }

    fn peek_is(&self, ahead: usize, sign: char) -> bool {
        self.peek(ahead).is_some_and(|token| token.is(sign))
    }

    fn peek_word(&self, ahead: usize) -> Option<&'a str> {
        self.peek(ahead)?.word()
    }

    fn peek_separator(&self, ahead: usize) -> bool {
        self.peek(ahead)
            .is_some_and(|token| token.what == What::PathSeparator)
    }

    /// Up to the brace that closes the module, or to the end of the file.
    fn scope(&mut self) -> Scope {
        let mut scope = Scope::default();
        let mut names = Names::default();
        let mut preamble = Preamble::default();
        let mut depth = 0_usize;
        let mut enums = Vec::new();
        let mut opens_an_enum = false;
        while let Some(token) = self.peek(0) {
            match &token.what {
                What::Sign('#') => {
                    let is_inner = self.peek_is(1, '!');
                    let attribute = self.attribute();
                    if is_inner && depth == 0 {
                        scope.is_test |= is_test(attribute);
                    } else {
                        preamble.is_test |= is_test(attribute);
                        preamble.path = preamble.path.or_else(|| path_of(attribute));
                    }
                    continue;
                }
                What::Word(word) if word == "pub" => {
                    self.at += 1;
                    if self.peek_is(0, '(') {
                        self.balanced();
                    }
                    preamble.is_public = true;
                    continue;
                }
                What::Word(word) if word == "mod" && self.peek_word(1).is_some() => {
                    scope.children.extend(self.child(&preamble));
                }
                What::Word(_) if preamble.is_test => self.skip_item(),
                What::Word(word) if word == "use" && !self.peek_is(1, '<') => {
                    self.at += 1;
                    self.import(Vec::new(), preamble.is_public, &mut scope.imports);
                }
                What::Word(word) => {
                    if depth == 0 {
                        scope.definitions.extend(self.defined(word));
                    }
                    match self.path() {
                        Some(path) => scope.paths.push(path),
                        None => {
                            opens_an_enum |= word == "enum";
                            if enums.last() != Some(&depth) || !self.is_a_variant() {
                                names.note(word, self);
                            }
                            self.at += 1;
                        }
                    }
                }
                What::Sign('{' | '(' | '[') => {
                    depth += 1;
                    if token.is('{') && std::mem::take(&mut opens_an_enum) {
                        enums.push(depth);
                    }
                    self.at += 1;
                }
                What::Sign('}' | ')' | ']') => {
                    self.at += 1;
                    if enums.last() == Some(&depth) {
                        enums.pop();
                    }
                    match depth.checked_sub(1) {
                        Some(less) => depth = less,
                        None => break,
                    }
                }
                _ => self.at += 1,
            }
            preamble = Preamble::default();
        }
        scope.mentions = names.mentions();
        scope
    }

    /// At an opening bracket: past the one that closes it.
    fn balanced(&mut self) -> &'a [Token] {
        let start = self.at;
        let mut depth = 0_usize;
        while let Some(token) = self.peek(0) {
            self.at += 1;
            match token.what {
                What::Sign('{' | '(' | '[') => depth += 1,
                What::Sign('}' | ')' | ']') => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
        &self.tokens[start..self.at]
    }

    fn attribute(&mut self) -> &'a [Token] {
        self.at += 1 + usize::from(self.peek_is(1, '!'));
        match self.peek_is(0, '[') {
            true => self.balanced(),
            false => &[],
        }
    }

    fn child(&mut self, preamble: &Preamble) -> Option<Child> {
        let name = self.peek_word(1)?.to_owned();
        self.at += 2;
        let is_inline = self.peek_is(0, '{');
        self.at += 1;
        let body = match is_inline {
            true => Body::Inline(self.scope()),
            false => Body::File(preamble.path.clone()),
        };
        let is_test = preamble.is_test;
        Some(Child {
            name,
            is_test,
            body,
        })
    }

    /// Past an item, statement, field or variant that exists in tests only.
    fn skip_item(&mut self) {
        const ITEMS: [&str; 15] = [
            "async",
            "const",
            "enum",
            "extern",
            "fn",
            "impl",
            "let",
            "macro_rules",
            "mod",
            "static",
            "struct",
            "trait",
            "type",
            "unsafe",
            "use",
        ];
        let is_item = self.peek_word(0).is_some_and(|word| ITEMS.contains(&word));
        while let Some(token) = self.peek(0) {
            match token.what {
                What::Sign(';') => {
                    self.at += 1;
                    return;
                }
                What::Sign(',') if !is_item => return,
                What::Sign('{') => {
                    self.balanced();
                    return;
                }
                What::Sign('(' | '[') => {
                    self.balanced();
                }
                What::Sign('}' | ')' | ']') => return,
                _ => self.at += 1,
            }
        }
    }

    /// One branch of a `use`, up to the `,`, `}` or `;` behind it.
    fn import(&mut self, mut path: Vec<String>, is_public: bool, imports: &mut Vec<Import>) {
        let Some(line) = self.peek(0).map(|token| token.line) else {
            return;
        };
        while let Some(token) = self.peek(0) {
            match &token.what {
                What::PathSeparator => self.at += 1,
                What::Sign('{') => {
                    self.at += 1;
                    while self.peek(0).is_some_and(|token| !token.is('}')) {
                        self.import(path.clone(), is_public, imports);
                        if self.peek_is(0, ',') {
                            self.at += 1;
                        }
                    }
                    self.at += 1;
                    return;
                }
                What::Sign('*') => {
                    self.at += 1;
                    imports.push(Import {
                        path,
                        brings: Brings::Everything,
                        is_public,
                        line,
                    });
                    return;
                }
                What::Word(word) if word == "as" => {
                    let alias = self.peek_word(1).unwrap_or("_").to_owned();
                    self.at += 2;
                    imports.push(Import {
                        path,
                        brings: Brings::Name(alias),
                        is_public,
                        line,
                    });
                    return;
                }
                // `use a::{self}` brings in `a`.
                What::Word(word) if word == "self" && !path.is_empty() => self.at += 1,
                What::Word(word) => {
                    path.push(word.clone());
                    self.at += 1;
                }
                _ => break,
            }
        }
        if let Some(name) = path.last().cloned() {
            imports.push(Import {
                path,
                brings: Brings::Name(name),
                is_public,
                line,
            });
        }
    }

    /// At a word of an enum's body: whether it names a variant, which can bear the name of an item.
    fn is_a_variant(&self) -> bool {
        self.previous()
            .is_some_and(|token| ['{', ',', ']'].iter().any(|sign| token.is(*sign)))
    }

    /// At a keyword: the item that it defines.
    fn defined(&self, keyword: &str) -> Option<String> {
        let name = match keyword {
            "fn" | "struct" | "enum" | "trait" | "type" | "union" | "const" => self.peek_word(1)?,
            "static" if self.peek_word(1) == Some("mut") => self.peek_word(2)?,
            "static" => self.peek_word(1)?,
            "macro_rules" => self.peek_word(2)?,
            _ => return None,
        };
        (!["fn", "unsafe", "async", "extern"].contains(&name)).then(|| name.to_owned())
    }

    /// At a word: the path that begins here, if one does.
    fn path(&mut self) -> Option<InlinePath> {
        let continues = self
            .previous()
            .is_some_and(|token| token.is('.') || token.what == What::PathSeparator);
        if continues || !self.peek_separator(1) {
            return None;
        }
        let line = self.peek(0)?.line;
        let mut segments = vec![self.peek_word(0)?.to_owned()];
        self.at += 1;
        while self.peek_separator(0) {
            let Some(segment) = self.peek_word(1) else {
                break;
            };
            segments.push(segment.to_owned());
            self.at += 2;
        }
        Some(InlinePath { segments, line })
    }
}

/// Names that stand alone. A variable or a field can bear the name of a function, so that a name in small letters counts where
/// it is called, or handed on in a module that binds no variable of that name.
#[derive(Default)]
struct Names {
    certain: BTreeMap<String, usize>,
    handed_on: BTreeMap<String, usize>,
    bound: BTreeSet<String>,
}

impl Names {
    fn note(&mut self, word: &str, reader: &Reader<'_>) {
        const BINDING: [&str; 4] = ["let", "mut", "ref", "for"];
        let before = reader.previous();
        let before_is =
            |signs: &[char]| before.is_some_and(|token| signs.iter().any(|sign| token.is(*sign)));
        let before_word = before.and_then(Token::word);
        if before_is(&['.'])
            || before.is_some_and(|token| token.what == What::PathSeparator)
            || before_word == Some("fn")
        {
            return;
        }
        let after_is = |signs: &[char]| signs.iter().any(|sign| reader.peek_is(1, *sign));
        let (word, line) = (
            word.to_owned(),
            reader.peek(0).map_or(0, |token| token.line),
        );
        if word.starts_with(char::is_uppercase) || after_is(&['(', '!']) {
            self.certain.entry(word).or_insert(line);
        } else if before_word.is_some_and(|before| BINDING.contains(&before))
            || before_is(&['|'])
            || after_is(&[':', '=', '|', '@'])
        {
            self.bound.insert(word);
        } else if after_is(&[')', ',', ';', '}']) {
            self.handed_on.entry(word).or_insert(line);
        }
    }

    fn mentions(self) -> BTreeMap<String, usize> {
        let mut mentions = self.handed_on;
        mentions.retain(|word, _| !self.bound.contains(word));
        mentions.extend(self.certain);
        mentions
    }
}

/// `#[test]`, `#[tokio::test]`, `#[cfg(test)]`, `#[cfg(all(test, …))]`, but not `#[cfg(not(test))]`.
fn is_test(attribute: &[Token]) -> bool {
    let words: Vec<&str> = attribute.iter().filter_map(Token::word).collect();
    match words.first() {
        Some(&"cfg") => {
            words.contains(&"test") && !words.contains(&"not") && !words.contains(&"any")
        }
        Some(&"cfg_attr") | None => false,
        Some(_) => words.last() == Some(&"test"),
    }
}

fn path_of(attribute: &[Token]) -> Option<String> {
    match attribute {
        [_, name, equals, path, ..] if name.word() == Some("path") && equals.is('=') => {
            match &path.what {
                What::Text(path) => Some(path.clone()),
                _ => None,
            }
        }
        _ => None,
    }
}
