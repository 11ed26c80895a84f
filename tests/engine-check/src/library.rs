//! The graph that every shape starts from: a small library, and what its schema can become.

/// The schema at first.
pub const SCHEMA: &str = r#"node Author {
    name: String @key
    born: I32?
}

node Book {
    title: String @key
}

edge Wrote: Author -> Book {
    year: I32?
}

edge Cites: Book -> Book
"#;

/// A type more: nothing but a registration.
pub fn with_publisher() -> String {
    format!("{SCHEMA}\nnode Publisher {{\n    name: String @key\n}}\n")
}

/// A type less: nothing but a tombstone.
pub fn without_cites() -> String {
    replaced("\nedge Cites: Book -> Book\n", "")
}

/// A property more on one type: its table is written anew.
pub fn with_died() -> String {
    replaced("    born: I32?\n", "    born: I32?\n    died: I32?\n")
}

/// A property more on two types: two tables are written anew.
pub fn with_died_and_pages() -> String {
    let pages = "    title: String @key\n    pages: I32?\n";
    with_died().replace("    title: String @key\n", pages)
}

/// A table written anew, one added and one removed.
pub fn with_all_of_these() -> String {
    with_died().replace(
        "\nedge Cites: Book -> Book\n",
        "\nnode Publisher {\n    name: String @key\n}\n",
    )
}

/// A type under another name: a registration of the new and a tombstone of the old.
pub fn with_volumes() -> String {
    SCHEMA
        .replace("node Book {", "node Volume @rename_from(\"Book\") {")
        .replace("-> Book", "-> Volume")
        .replace("Cites: Book", "Cites: Volume")
}

/// An index more, which is intent only: `ensure_indices` builds it later.
pub fn with_index_on_born() -> String {
    replaced("    born: I32?\n", "    born: I32? @index\n")
}

fn replaced(from: &str, to: &str) -> String {
    assert!(SCHEMA.contains(from), "{from:?} is not in the schema");
    SCHEMA.replace(from, to)
}

/// What is loaded first: six rows of each.
pub fn seed() -> String {
    let authors = (1..=6).map(|n| author(&format!("Author {n}"), 1900 + n));
    let books = (1..=6).map(|n| book(&format!("Book {n}")));
    let wrote = (1..=6).map(|n| wrote(&format!("Author {n}"), &format!("Book {n}"), 1950 + n));
    let cites = (2..=6).map(|n| cites(&format!("Book {n}"), &format!("Book {}", n - 1)));
    authors.chain(books).chain(wrote).chain(cites).collect()
}

pub fn author(name: &str, born: u32) -> String {
    format!("{{\"type\":\"Author\",\"data\":{{\"name\":\"{name}\",\"born\":{born}}}}}\n")
}

pub fn book(title: &str) -> String {
    format!("{{\"type\":\"Book\",\"data\":{{\"title\":\"{title}\"}}}}\n")
}

pub fn wrote(author: &str, book: &str, year: u32) -> String {
    format!(
        "{{\"edge\":\"Wrote\",\"from\":\"{author}\",\"to\":\"{book}\",\"data\":{{\"year\":{year}}}}}\n"
    )
}

pub fn cites(from: &str, to: &str) -> String {
    format!("{{\"edge\":\"Cites\",\"from\":\"{from}\",\"to\":\"{to}\"}}\n")
}
