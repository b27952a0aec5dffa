//! What a function finds in its environment: exactly what Lambda sets for an OS-only runtime, the
//! function's own variables, and nothing of the host.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::FunctionSpec;

/// Most letters of a function's name in its access keys, of which AWS allows 128 in all.
const KEY_LETTERS: usize = 64;

/// The access key of one process, unlike that of every other: who signed a request can be told from it. In the form of
/// AWS's own, 16 and more capitals and digits.
pub(crate) fn access_key(function: &str) -> String {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let letters = function.chars().filter(char::is_ascii_alphanumeric).take(KEY_LETTERS);
    let letters: String = letters.map(|letter| letter.to_ascii_uppercase()).collect();
    format!("LOCAL{letters}{:011}", LAST.fetch_add(1, Ordering::Relaxed) + 1)
}

/// The complete environment of one process.
///
/// `AWS_EXECUTION_ENV` is left out on purpose: AWS does not define it for `provided.*` runtimes.
pub(crate) fn environment(
    spec: &FunctionSpec,
    task_root: &Path,
    log_stream: &str,
    runtime_api: &str,
    access_key: &str,
) -> BTreeMap<String, String> {
    let mut environment = BTreeMap::from(
        [("LANG", "en_US.UTF-8"), ("PATH", "/usr/local/bin:/usr/bin/:/bin:/opt/bin")]
            .map(|(key, value)| (key.to_owned(), value.to_owned())),
    );
    environment.extend(spec.environment.clone());
    // Reserved: Lambda refuses to have them set in the function's configuration.
    let reserved = [
        ("AWS_ACCESS_KEY_ID", access_key.to_owned()),
        ("AWS_LAMBDA_FUNCTION_NAME", spec.name.clone()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", spec.memory_mb.to_string()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", spec.log_group.clone()),
        ("AWS_LAMBDA_LOG_STREAM_NAME", log_stream.to_owned()),
        ("AWS_LAMBDA_RUNTIME_API", runtime_api.to_owned()),
        ("LAMBDA_TASK_ROOT", task_root.display().to_string()),
        ("LAMBDA_RUNTIME_DIR", "/var/runtime".to_owned()),
        ("_HANDLER", "bootstrap".to_owned()),
        ("TZ", ":UTC".to_owned()),
    ];
    environment.extend(reserved.map(|(key, value)| (key.to_owned(), value)));
    environment
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_reserved_variables_win_over_the_functions_own() {
        let spec = FunctionSpec {
            name: "florin-health".into(),
            arn: "arn:aws:lambda:eu-west-1:000000000000:function:florin-health".into(),
            bootstrap: "/task/bootstrap".into(),
            timeout: Duration::from_secs(3),
            memory_mb: 128,
            max_instances: 1,
            environment: BTreeMap::from([
                ("LEDGER_TABLE".into(), "ledger".into()),
                ("AWS_ACCESS_KEY_ID".into(), "AKIAELSEWHERE".into()),
                ("AWS_LAMBDA_RUNTIME_API".into(), "elsewhere:1".into()),
            ]),
            log_group: "/florin/health".into(),
        };
        let environment = environment(&spec, Path::new("/task"), "stream", "127.0.0.1:9001", "LOCALHEALTH01");
        assert_eq!(environment["LEDGER_TABLE"], "ledger");
        assert_eq!(environment["AWS_ACCESS_KEY_ID"], "LOCALHEALTH01");
        assert_eq!(environment["AWS_LAMBDA_RUNTIME_API"], "127.0.0.1:9001");
        assert_eq!(environment["LAMBDA_TASK_ROOT"], "/task");
        assert_eq!(environment["TZ"], ":UTC");
        assert!(!environment.contains_key("HOME"));
    }

    #[test]
    fn every_process_has_a_key_of_its_own_that_a_signature_can_name() {
        for function in ["florin-VouchersOrder", "x", &"long".repeat(100)] {
            let (one, other) = (access_key(function), access_key(function));
            assert_ne!(one, other);
            assert!((16..=128).contains(&one.len()), "{one}");
            assert!(one.chars().all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit()), "{one}");
        }
        assert!(access_key("florin-VouchersOrder").starts_with("LOCALFLORINVOUCHERSORDER0"));
    }
}
