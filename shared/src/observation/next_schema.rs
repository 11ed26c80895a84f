//! What the schema files of a graph say once every staged copy is in place (PROTOCOL.md, section 6.1).

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::text::shown;

/// What the three schema files say once every staged copy is in place of its live one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextSchema {
    /// Files that are missing or invalid.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unfit: Vec<UnfitFile>,
    /// `sha256:` and the digest of the compiled schema without its white space, as engines hash it; `None` if the file is unfit.
    pub ir_hash: Option<String>,
    /// Keys of the tables that the compiled schema declares.
    pub declares: Vec<String>,
    /// The `schema_ir_hash` that the state file names; `None` if the file is unfit.
    pub state_hash: Option<String>,
}

/// A schema file that is empty, cut short, or of another shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnfitFile {
    /// Its name, relative to the root.
    pub name: String,
    /// What is wrong with it.
    pub why: String,
}

/// One file that is live once every staged copy is in place: its name as it is found now, and its bytes if it is there.
#[derive(Debug, Clone, Copy)]
pub struct NextFile<'a> {
    /// The staged name, or the live one where nothing is staged.
    pub name: &'a str,
    /// All of its bytes.
    pub bytes: Option<&'a [u8]>,
}

#[derive(Deserialize)]
struct Compiled {
    #[serde(default)]
    nodes: Vec<Declared>,
    #[serde(default)]
    edges: Vec<Declared>,
}

#[derive(Deserialize)]
struct Declared {
    name: String,
}

#[derive(Deserialize)]
struct State {
    schema_ir_hash: String,
}

/// Characters of the reason why a file is unfit.
const WHY_CHARS_MAX: usize = 300;

impl NextSchema {
    /// Reads what the files say. The source is taken as it is, if there is any; only its engine understands it.
    #[must_use]
    pub fn read(source: NextFile<'_>, ir: NextFile<'_>, state: NextFile<'_>) -> Self {
        let mut next = Self::default();
        if let Err(why) = text(source) {
            next.is_unfit(source, why);
        }
        match text(ir).and_then(|text| Ok((text, parsed::<Compiled>(text)?))) {
            Ok((text, compiled)) => {
                next.ir_hash = Some(hash_of(text));
                next.declares = compiled.keys();
            }
            Err(why) => next.is_unfit(ir, why),
        }
        match text(state).and_then(parsed::<State>) {
            Ok(state) => next.state_hash = Some(shown(&state.schema_ir_hash, WHY_CHARS_MAX)),
            Err(why) => next.is_unfit(state, why),
        }
        next
    }

    fn is_unfit(&mut self, file: NextFile<'_>, why: String) {
        self.unfit.push(UnfitFile {
            name: file.name.to_owned(),
            why: shown(&why, WHY_CHARS_MAX),
        });
    }
}

impl Compiled {
    fn keys(self) -> Vec<String> {
        let nodes = self
            .nodes
            .into_iter()
            .map(|node| format!("node:{}", node.name));
        let edges = self
            .edges
            .into_iter()
            .map(|edge| format!("edge:{}", edge.name));
        nodes.chain(edges).collect()
    }
}

/// Keys of the tables that a compiled schema declares; `None` if it is none.
#[must_use]
pub fn declared_tables(ir: &[u8]) -> Option<Vec<String>> {
    let compiled: Compiled = parsed(std::str::from_utf8(ir).ok()?).ok()?;
    Some(compiled.keys())
}

fn text(file: NextFile<'_>) -> Result<&str, String> {
    let bytes = file.bytes.ok_or("it is not there")?;
    let text = std::str::from_utf8(bytes).map_err(|error| format!("it is not text: {error}"))?;
    if text.trim().is_empty() {
        return Err("it is empty".to_owned());
    }
    Ok(text)
}

fn parsed<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, String> {
    // A list would pass for an object with its fields in order.
    if !text.trim_start().starts_with('{') {
        return Err("it is not what a schema change writes: it is no JSON object".to_owned());
    }
    serde_json::from_str(text).map_err(|error| {
        if error.is_eof() {
            format!("it is cut short: {error}")
        } else {
            format!("it is not what a schema change writes: {error}")
        }
    })
}

/// The digest of JSON without the white space between its values. Names keep their order: engines hash what they write.
fn hash_of(json: &str) -> String {
    let mut compact = Vec::with_capacity(json.len());
    let (mut in_text, mut escaped) = (false, false);
    for byte in json.bytes() {
        if in_text {
            in_text = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
        } else if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
            continue;
        } else {
            in_text = byte == b'"';
        }
        compact.push(byte);
    }
    let digest: [u8; 32] = Sha256::digest(&compact).into();
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const IR: &str = r#"{
  "ir_version": 1,
  "nodes": [ { "name": "Author \"x\" \\" }, { "name": "Book" } ],
  "edges": [ { "name": "Wrote" } ]
}"#;

    fn file<'a>(name: &'a str, text: &'a str) -> NextFile<'a> {
        NextFile {
            name,
            bytes: Some(text.as_bytes()),
        }
    }

    fn read(source: &str, ir: &str, state: &str) -> NextSchema {
        NextSchema::read(file("source", source), file("ir", ir), file("state", state))
    }

    #[test]
    fn white_space_between_values_is_not_hashed_and_white_space_inside_text_is() {
        let compact = r#"{"ir_version":1,"nodes":[{"name":"Author \"x\" \\"},{"name":"Book"}],"edges":[{"name":"Wrote"}]}"#;
        assert_eq!(hash_of(IR), hash_of(compact));
        let mut hasher = Sha256::new();
        hasher.update(compact.as_bytes());
        let hex: String = hasher
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(hash_of(IR), format!("sha256:{hex}"));
        assert_ne!(hash_of(IR), hash_of(&IR.replace("\"Author ", "\"Author")));
    }

    #[test]
    fn what_the_files_say_is_read_off_them() {
        let next = read("node Author {}", IR, r#"{"schema_ir_hash":"sha256:ab"}"#);
        assert_eq!(next.unfit, []);
        assert_eq!(
            next.declares,
            ["node:Author \"x\" \\", "node:Book", "edge:Wrote"]
        );
        assert_eq!(next.state_hash.as_deref(), Some("sha256:ab"));
    }

    #[test]
    fn empty_and_torn_files_are_named_with_what_is_wrong() {
        let next = read("\n", &IR[..40], "[]");
        let unfit: Vec<_> = next.unfit.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(unfit, ["source", "ir", "state"]);
        assert_eq!(next.unfit[0].why, "it is empty");
        assert!(
            next.unfit[1].why.starts_with("it is cut short: "),
            "{next:?}"
        );
        assert!(
            next.unfit[2]
                .why
                .starts_with("it is not what a schema change writes: ")
        );
        let list = read("x", "[]", "{}");
        assert!(list.unfit[0].why.contains("no JSON object"), "{list:?}");
        let gone = NextFile {
            name: "ir",
            bytes: None,
        };
        let next = NextSchema::read(file("source", "x"), gone, file("state", "{}"));
        assert_eq!(next.unfit[0].why, "it is not there");
        let bytes = NextFile {
            name: "ir",
            bytes: Some(b"\xff\xfe"),
        };
        let next = NextSchema::read(bytes, file("ir", IR), file("state", "{}"));
        assert!(next.unfit[0].why.starts_with("it is not text: "));
    }
}
