//! The findings about a root, each with the way to resolve it.

use yew::{Html, html};

use super::badge::badge;
use super::copyable::Copyable;
use super::parts::{each, toned};
use super::table_card::lance_transactions;
use super::tone::Tone;
use crate::state::check::{Finding, by_weight, leads_to};
use crate::words::{self, visible};

/// The findings, those that stand in the way first. Of each kind no more than `max` are drawn, so that none hides another.
pub fn findings(findings: &[Finding], root: &str, max: usize) -> Html {
    let groups = by_weight(findings);
    each(&mut groups.iter().map(|group| card(group, root, max)))
}

/// Findings of one kind and weight.
fn card(group: &[&Finding], root: &str, max: usize) -> Html {
    let Some(first) = group.first() else {
        return Html::default();
    };
    let left = group.len().saturating_sub(max);
    let (tone, weight) = if first.stands_in_the_way {
        (Tone::Stop, "stands in the way")
    } else {
        (Tone::Calm, "to be known")
    };
    html! {
        <article class={toned("card finding", tone)} data-kind={first.kind.name()} data-testid="finding">
            <header>
                <h2>{ visible(&first.title) }</h2>
                if group.len() > 1 { <span class="quiet-text">{ format!("{} of these", words::grouped(group.len())) }</span> }
                { badge(weight, tone) }
            </header>
            <ul>{ each(&mut group.iter().take(max).map(|finding| item(finding, root))) }</ul>
            if left > 0 { <p class="quiet-text">{ format!("{} more are not shown here. sidecar-inspector doctor names all of them.", words::grouped(left)) }</p> }
        </article>
    }
}

fn item(finding: &Finding, root: &str) -> Html {
    html! {
        <li>
            <p><code class="break">{ visible(&finding.subject) }</code></p>
            { says(finding) }
            if let Some((text, route)) = leads_to(finding, root) {
                <p><a href={route.href()}>{ text }<span class="unseen">{ format!(": {}", visible(&finding.subject)) }</span></a></p>
                <p class="quiet-text">{ "Or in a terminal: " }<Copyable text={finding.resolve.clone()} what={format!("the command about {}", visible(&finding.subject))} /></p>
            } else {
                <p><strong>{ "What to do: " }</strong>{ visible(&finding.resolve) }</p>
            }
        </li>
    }
}

fn says(finding: &Finding) -> Html {
    match &finding.commits {
        // The detail names every commit in one sentence.
        Some(commits) if !commits.transactions.is_empty() => html! {
            <>
                <p>{ visible(&commits.sentence) }</p>
                { lance_transactions(&finding.subject, &commits.transactions) }
            </>
        },
        Some(_) | None => html! { <p>{ visible(&finding.detail) }</p> },
    }
}
