//! The version rail of one table, drawn.

use sidecar::PlannedTable;
use sidecar::api::TableReport;
use sidecar::text::version_text;
use yew::{Html, html};

use super::parts::each;
use crate::rail::{AXIS, Evidence, Label, Rail, STRANGERS, STRANGERS_HEAD, Span, Stop, px};
use crate::words::visible;

/// The version rail of one table, for the width there is.
pub fn rail_figure(report: &TableReport, width: f64) -> Html {
    if width <= 0.0 {
        return html! { <div class="rail-space"></div> };
    }
    let evidence = Evidence {
        table: &report.table,
        transactions: &report.transactions,
    };
    let rail = Rail::new(&evidence, width);
    let (width, height) = (px(rail.width), px(rail.height));
    html! {
        <svg class="rail" role="img" aria-label={visible(&description(&report.table))}
            width={width.clone()} height={height.clone()} viewBox={format!("0 0 {width} {height}")}>
            { line("axis", rail.stops.first().map(|stop| Span { from: stop.x, to: rail.width }).as_ref()) }
            { line("published", rail.published.as_ref()) }
            { line("unpublished", rail.unpublished.as_ref()) }
            { line("lost", rail.lost.as_ref()) }
            { each(&mut rail.breaks.iter().map(|x| gap(*x))) }
            if let Some((span, label)) = &rail.intended {
                <path class="intended" d={Rail::bracket(*span)} />
                { text("intended-name", label) }
            }
            { each(&mut rail.operations.iter().map(|label| text("operation", label))) }
            { each(&mut rail.stops.iter().map(stop)) }
            { each(&mut rail.names.iter().map(|label| text(name_class(&label.text), label))) }
            if let Some(arrow) = &rail.arrow {
                <g class={action_class(&report.table)}>
                    <path class="shaft" d={arrow.path.clone()} />
                    <path class="head" d={arrow.head.clone()} />
                    { text("action-name", &arrow.label) }
                </g>
            }
        </svg>
    }
}

/// The same in words, for those who do not see it.
fn description(table: &PlannedTable) -> String {
    format!(
        "Versions of {}: published {}, Lance HEAD {}, intended from {} to {}{}",
        table.table_key,
        version_text(table.manifest_pinned),
        version_text(table.lance_head),
        table.expected_version,
        table.post_commit_pin,
        table.publish_as.map_or_else(String::new, |version| format!(
            ", to be published {version}"
        )),
    )
}

fn line(class: &'static str, span: Option<&Span>) -> Html {
    let Some(span) = span else {
        return Html::default();
    };
    let y = px(AXIS);
    html! { <line {class} x1={px(span.from)} x2={px(span.to)} y1={y.clone()} y2={y} /> }
}

fn gap(x: f64) -> Html {
    html! {
        <g class="gap">
            <title>{ "Versions are left out here" }</title>
            <path class="clear" d={format!("M{} {}H{}", px(x - 5.0), px(AXIS), px(x + 5.0))} />
            <path class="mark" d={slashes(x)} />
        </g>
    }
}

/// Two strokes across the line.
fn slashes(x: f64) -> String {
    let (low, high) = (px(AXIS + 7.0), px(AXIS - 7.0));
    format!(
        "M{} {low}L{} {high}M{} {low}L{} {high}",
        px(x - 7.0),
        px(x - 2.0),
        px(x + 2.0),
        px(x + 7.0)
    )
}

fn stop(stop: &Stop) -> Html {
    let mut class = "stop".to_owned();
    for (is, name) in [
        (stop.pin, " pin"),
        (stop.head, " head"),
        (stop.new, " new"),
        (stop.future, " future"),
        (stop.stranger, " stranger"),
    ] {
        class.push_str(if is { name } else { "" });
    }
    let radius = if stop.pin || stop.head || stop.new {
        "6.5"
    } else {
        "3.5"
    };
    let number = Label {
        text: stop.version.to_string(),
        x: stop.x,
        y: Rail::numbers(),
    };
    html! {
        <>
            <circle {class} cx={px(stop.x)} cy={px(AXIS)} r={radius} />
            { text(if stop.pin || stop.head || stop.new { "number strong" } else { "number" }, &number) }
        </>
    }
}

fn text(class: &'static str, label: &Label) -> Html {
    html! { <text {class} x={px(label.x)} y={px(label.y)}>{ visible(&label.text) }</text> }
}

fn name_class(name: &str) -> &'static str {
    match name {
        STRANGERS | STRANGERS_HEAD => "name stranger",
        "published" | "published = HEAD" => "name pin",
        "HEAD" => "name head",
        "new" => "name new",
        _ => "name",
    }
}

fn action_class(table: &PlannedTable) -> &'static str {
    if table.restore_to.is_some() {
        "action back"
    } else {
        "action forward"
    }
}
