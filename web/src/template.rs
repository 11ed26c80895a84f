//! Page templates: text with `{{name}}` where something of this build goes.

use crate::error::BuildError;

/// Fills a template. Every placeholder must have a value and every value must be used, so that
/// a misspelt name fails the build and not the page.
pub fn fill(
    file: &'static str,
    template: &str,
    values: &[(&str, &str)],
) -> Result<String, BuildError> {
    let wrong = |name: &str, problem| BuildError::Placeholder {
        file,
        name: name.to_owned(),
        problem,
    };
    let mut filled = String::with_capacity(template.len());
    let mut unused: Vec<&str> = values.iter().map(|(name, _)| *name).collect();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after
            .split_once("}}")
            .ok_or_else(|| wrong("", "not closed"))?;
        let (_, value) = values
            .iter()
            .find(|(known, _)| *known == name)
            .ok_or_else(|| wrong(name, "not known"))?;
        filled.push_str(before);
        filled.push_str(value);
        unused.retain(|known| *known != name);
        rest = after;
    }
    filled.push_str(rest);
    match unused.first() {
        Some(name) => Err(wrong(name, "missing")),
        None => Ok(filled),
    }
}

#[cfg(test)]
mod tests {
    use super::fill;

    #[test]
    fn values_go_where_their_names_are() {
        let filled = fill("t", "a {{x}} b {{y}}{{x}}", &[("x", "1"), ("y", "{2}")]);
        assert_eq!(filled.unwrap(), "a 1 b {2}1");
    }

    #[test]
    fn a_template_and_its_values_must_agree() {
        let problem = |template, values: &[_]| fill("t", template, values).unwrap_err().to_string();
        assert_eq!(problem("{{x}}", &[]), "t: placeholder {{x}} is not known");
        assert_eq!(
            problem("", &[("x", "1")]),
            "t: placeholder {{x}} is missing"
        );
        assert_eq!(
            problem("{{x", &[("x", "1")]),
            "t: placeholder {{}} is not closed"
        );
    }
}
