//! Configuration from the environment, read once at init. A missing variable stops the function at start, where
//! a deployment shows it.

/// The named variable. Fails with its name, so that the log of a failed init tells what is missing.
pub fn required(name: &str) -> Result<String, String> {
    std::env::var(name).map_err(|_| format!("environment variable {name} is not set"))
}

/// Whether the named variable says `true`.
pub fn flag(name: &str) -> bool {
    std::env::var(name).is_ok_and(|value| value == "true")
}

/// The named variable, `None` when unset or empty.
pub fn optional(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
