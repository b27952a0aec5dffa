//! The lake's catalogue is what `shared/lake` says.

use local_template::glue::Catalogue;

use crate::repository::{Repository, root};

#[test]
fn the_lake_stack_is_the_one_that_is_generated() {
    let file = std::fs::read_to_string(root().join("infra/stacks/lake.yaml")).expect("infra/stacks/lake.yaml");
    let same = file == xtask::lake::stack::text();
    assert!(same, "infra/stacks/lake.yaml is not what `cargo xtask lake-stack` prints");
}

#[test]
fn each_table_has_its_versions_and_its_view_in_the_catalogue() {
    let catalogue = Catalogue::of(&Repository::here().full);
    let tables = &catalogue.databases["florin"].tables;
    for table in ::lake::schema::TABLES {
        let (versions, view) = (&tables[&table.versions()], &tables[table.name]);
        let columns: Vec<_> =
            versions.columns.iter().map(|column| (column.name.as_str(), column.kind.as_str())).collect();
        let expected: Vec<_> = table.file_columns().map(|column| (column.name, column.kind.catalogue_type())).collect();
        assert_eq!(columns, expected, "{}", table.name);
        assert!(versions.location.ends_with(&format!("/tables/{}/", table.name)), "{}", versions.location);
        let view = view.view.as_ref().expect("a view");
        assert_eq!((view.sql.as_str(), view.database.as_str()), (table.view().as_str(), "florin"));
        assert_eq!(view.columns.len(), table.view_columns().count());
    }
    assert_eq!(tables.len(), 2 * ::lake::schema::TABLES.len());
    let groups: Vec<_> = catalogue.work_groups.keys().map(String::as_str).collect();
    assert_eq!(groups, ["florin-queries", "florin-reports"]);
    assert!(catalogue.work_groups.values().all(|group| group.enforced && group.bytes_scanned_cutoff.is_some()));
}
