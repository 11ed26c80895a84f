//! What one report costs.

use super::*;

/// Requests of one report about a root at rest with four tables.
async fn requests(store: &Store, scope: DoctorScope) -> usize {
    let opened = store.open().await;
    doctor_of(store, &opened, scope).await;
    opened.log.requests().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_costs_a_few_requests_and_two_listings_for_each_table() {
    let few = Store::with_tables(&TABLES[..1]).await;
    let many = Store::with_tables(&TABLES).await;
    let (of_few, of_many) = (
        requests(&few, DoctorScope::Today).await,
        requests(&many, DoctorScope::Today).await,
    );
    // A table costs the listing of its versions and that of its tags, its visible version, and a look for a data file.
    assert_eq!(of_many - of_few, 4 * 3, "{of_few} and {of_many}");
    assert!(of_few <= 40, "{of_few}");
    let of_upgrade = requests(&many, DoctorScope::Upgrade).await;
    assert_eq!(of_upgrade, of_many, "this catalog holds no history");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_versions_of_the_catalog_only_the_newest_are_listed() {
    let store = Store::with_tables(&TABLES).await;
    for round in 0..3 {
        store
            .written(&TABLES[..1], 100 * round + 100..100 * round + 103)
            .await;
    }
    let lance = store.lance().await;
    let all = lance.catalog_versions(None, 10).await.unwrap();
    assert_eq!((all.versions, all.has_older), (vec![4, 3, 2, 1], false));
    let newest = lance.catalog_versions(None, 2).await.unwrap();
    assert_eq!((newest.versions, newest.has_older), (vec![4, 3], true));
    let none = lance.catalog_versions(Some("nowhere"), 2).await.unwrap();
    assert!(none.versions.is_empty(), "{none:?}");
}
