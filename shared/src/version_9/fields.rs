//! One JSON object of a file of version 9, read field by field.
//!
//! Derived readers name a field without its path, take null for an absent field, and skip fields they do not know. All three matter
//! here: a file that is read has to be written back as it was, and v0.11.0 added fields without raising the version.

use serde_json::{Map, Value};

use super::fault::{Fault, broken};
use crate::branch::is_branch_name;
use crate::limits::Limits;

/// The fields of one object, all of them known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'a> {
    fields: &'a Map<String, Value>,
    path: Path<'a>,
    limits: &'a Limits,
}

/// Where an object stands in the file.
#[derive(Debug, Clone, Copy)]
pub(super) enum Path<'a> {
    Top,
    Field(&'a Path<'a>, &'a str),
    Item(&'a Path<'a>, usize),
}

/// What is read of one JSON value.
pub(super) trait Read: Sized {
    /// The value at this place.
    fn read(value: &Value, path: Path<'_>, limits: &Limits) -> Result<Self, Fault>;
}

/// How a value is read.
pub(super) type Reader<'r, T> = &'r dyn Fn(&Value, Path<'_>, &Limits) -> Result<T, Fault>;

impl Path<'_> {
    /// `protocol_v3.effects[0].identity`; empty for the whole file.
    pub(super) fn text(self) -> String {
        match self {
            Self::Top => String::new(),
            Self::Field(Path::Top, name) => name.to_owned(),
            Self::Field(object, name) => format!("{}.{name}", object.text()),
            Self::Item(list, index) => format!("{}[{index}]", list.text()),
        }
    }

    fn of_the(self) -> String {
        match self {
            Self::Top => "the file".to_owned(),
            _ => self.text(),
        }
    }
}

impl<'a> Fields<'a> {
    /// The object at this place, if it has no field but these.
    pub(super) fn of(
        value: &'a Value,
        path: Path<'a>,
        known: &[&str],
        limits: &'a Limits,
    ) -> Result<Self, Fault> {
        let Value::Object(fields) = value else {
            return broken(format!("{} is not an object", path.of_the()));
        };
        match fields.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(Fault::Unknown {
                at: Path::Field(&path, name).text(),
            }),
            None => Ok(Self {
                fields,
                path,
                limits,
            }),
        }
    }

    /// Whether the object has the field.
    pub(super) fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    /// A field that is always there.
    pub(super) fn get<T: Read>(&self, name: &str) -> Result<T, Fault> {
        self.get_by(name, &T::read)
    }

    /// The same, where the type alone does not say how it is read.
    pub(super) fn get_by<T>(&self, name: &str, read: Reader<'_, T>) -> Result<T, Fault> {
        match self.fields.get(name) {
            Some(value) => read(value, self.at(name), self.limits),
            None => broken(format!("{} is missing", self.at(name).text())),
        }
    }

    /// A field that is always there, and null where it says nothing.
    pub(super) fn nullable<T: Read>(&self, name: &str) -> Result<Option<T>, Fault> {
        match self.fields.get(name) {
            Some(Value::Null) => Ok(None),
            _ => self.get(name).map(Some),
        }
    }

    /// A field that is left out where it says nothing.
    pub(super) fn optional<T: Read>(&self, name: &str) -> Result<Option<T>, Fault> {
        match self.fields.get(name) {
            None => Ok(None),
            Some(Value::Null) => broken(format!(
                "{} is null; engines leave the field out instead",
                self.at(name).text()
            )),
            Some(_) => self.get(name).map(Some),
        }
    }

    /// A list that is left out where it is empty.
    pub(super) fn list<T: Read>(&self, name: &str) -> Result<Vec<T>, Fault> {
        match self.optional::<Vec<T>>(name)? {
            Some(items) if items.is_empty() => broken(format!(
                "{} is an empty list; engines leave the field out instead",
                self.at(name).text()
            )),
            items => Ok(items.unwrap_or_default()),
        }
    }

    /// The name of a branch that is left out for main.
    pub(super) fn optional_branch(&self, name: &str) -> Result<Option<String>, Fault> {
        let branch = self.optional(name)?;
        self.branch(name, branch)
    }

    /// The name of a branch that is null for main.
    pub(super) fn nullable_branch(&self, name: &str) -> Result<Option<String>, Fault> {
        let branch = self.nullable(name)?;
        self.branch(name, branch)
    }

    fn branch(&self, name: &str, branch: Option<String>) -> Result<Option<String>, Fault> {
        match branch {
            Some(branch) if !is_branch_name(&branch) => broken(format!(
                "{} is {branch:?}, which is not the name of a branch",
                self.at(name).text()
            )),
            branch => Ok(branch),
        }
    }

    /// Where a field of this object stands.
    pub(super) const fn at<'b>(&'b self, name: &'b str) -> Path<'b> {
        Path::Field(&self.path, name)
    }
}

impl Read for String {
    fn read(value: &Value, path: Path<'_>, limits: &Limits) -> Result<Self, Fault> {
        let Value::String(text) = value else {
            return broken(format!("{} is not a text", path.text()));
        };
        if text.chars().count() > limits.text_chars_max {
            return broken(format!(
                "{} is longer than {} characters",
                path.text(),
                limits.text_chars_max
            ));
        }
        if text.chars().any(char::is_control) {
            return broken(format!("{} has control characters", path.text()));
        }
        Ok(text.clone())
    }
}

impl Read for u64 {
    fn read(value: &Value, path: Path<'_>, _: &Limits) -> Result<Self, Fault> {
        match value.as_u64() {
            Some(number) => Ok(number),
            None => broken(format!("{} is not a whole number", path.text())),
        }
    }
}

impl Read for u32 {
    fn read(value: &Value, path: Path<'_>, limits: &Limits) -> Result<Self, Fault> {
        match u64::read(value, path, limits)?.try_into() {
            Ok(number) => Ok(number),
            Err(_) => broken(format!("{} is too large a number", path.text())),
        }
    }
}

impl Read for i64 {
    fn read(value: &Value, path: Path<'_>, _: &Limits) -> Result<Self, Fault> {
        match value.as_i64() {
            Some(number) => Ok(number),
            None => broken(format!("{} is not a whole number", path.text())),
        }
    }
}

impl Read for bool {
    fn read(value: &Value, path: Path<'_>, _: &Limits) -> Result<Self, Fault> {
        match value.as_bool() {
            Some(bool) => Ok(bool),
            None => broken(format!("{} is neither true nor false", path.text())),
        }
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(value: &Value, path: Path<'_>, limits: &Limits) -> Result<Self, Fault> {
        items(value, path, limits, &T::read)
    }
}

/// The items of a list. The bytes of the file bound how many there are; whoever reads tables counts them.
pub(super) fn items<T>(
    value: &Value,
    path: Path<'_>,
    limits: &Limits,
    read: Reader<'_, T>,
) -> Result<Vec<T>, Fault> {
    let Value::Array(items) = value else {
        return broken(format!("{} is not a list", path.text()));
    };
    let read = |(index, item)| read(item, Path::Item(&path, index), limits);
    items.iter().enumerate().map(read).collect()
}
