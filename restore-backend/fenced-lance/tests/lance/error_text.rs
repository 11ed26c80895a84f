//! What is said of an error of Lance.

use sidecar::error_text;

#[tokio::test]
async fn an_error_of_lance_does_not_say_where_it_was_built() {
    let missing = lance::Dataset::open("/nowhere/at/all.lance")
        .await
        .expect_err("there is nothing");
    let of_lance = missing.to_string();
    assert!(
        of_lance.contains(".rs:"),
        "or this proves nothing: {of_lance}"
    );
    let text = error_text(&missing);
    assert!(text.contains("nowhere/at/all.lance"), "{text}");
    assert!(
        !text.contains(".rs:") && !text.contains("/.cargo/"),
        "{text}"
    );
}
