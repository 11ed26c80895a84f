//! A line of named facts.

use yew::{AttrValue, Html, Properties, component, html};

#[derive(Debug, PartialEq, Properties)]
pub struct Props {
    /// The facts.
    pub children: Html,
}

/// A line of named facts.
#[component]
pub fn Facts(props: &Props) -> Html {
    html! { <dl class="facts">{ props.children.clone() }</dl> }
}

#[derive(Debug, PartialEq, Properties)]
pub struct FactProps {
    /// What it is.
    pub name: AttrValue,
    /// What it says.
    pub children: Html,
}

/// One named fact.
#[component]
pub fn Fact(props: &FactProps) -> Html {
    html! { <div><dt>{ &props.name }</dt><dd>{ props.children.clone() }</dd></div> }
}
