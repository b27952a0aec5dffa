//! The repository's own `template.yaml` loads, and says what the runner relies on.

use std::path::Path;

use local_template::{Event, Options, Stack, load};

fn stack(parameters: &[(&str, &str)]) -> Stack {
    let mut options = Options::local("http://localhost:4566");
    options.parameters.extend(parameters.iter().map(|(name, value)| (name.to_string(), value.to_string())));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../template.yaml");
    load(&path, &options).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_template_of_this_repository_loads_as_a_laptop_runs_it() {
    let stack = stack(&[]);
    assert!(stack.functions().len() >= 9);
    let routes = stack.functions().iter().flat_map(|f| &f.events).filter(|e| matches!(e, Event::Api(_))).count();
    assert!(routes >= 40, "{routes}");
}
