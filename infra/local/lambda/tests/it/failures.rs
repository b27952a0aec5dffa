//! Functions that fail, hang, exit, or never come up.

use std::time::{Duration, Instant};

use local_lambda::{FunctionSpec, InvokeError, LambdaOptions, Process};

use crate::support::{Subject, alive, exists, spec, until};

#[tokio::test]
async fn an_error_of_the_function_comes_back_and_the_process_lives_on() {
    let subject = Subject::new(spec());
    let pid = subject.pid().await;
    let error = subject.invoke(r#"{"do": "fail"}"#).await.unwrap_err();
    let InvokeError::Function { message, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(message, "the supplier is gone");
    assert_eq!(error.payload()["errorMessage"], "the supplier is gone");
    assert_eq!(subject.pid().await, pid);
}

#[tokio::test]
async fn a_panic_is_an_error_and_the_process_lives_on() {
    let subject = Subject::new(spec());
    let pid = subject.pid().await;
    let error = subject.invoke(r#"{"do": "panic"}"#).await.unwrap_err();
    assert!(error.to_string().contains("an assumption did not hold"), "{error}");
    assert_eq!(subject.pid().await, pid);
}

#[tokio::test]
async fn a_function_over_its_timeout_is_killed_and_the_next_call_starts_another() {
    let mut short = spec();
    short.timeout = Duration::from_secs(1);
    let subject = Subject::new(short);
    let pid = subject.pid().await;
    let begun = Instant::now();
    let error = subject.invoke(r#"{"sleep_ms": 60000}"#).await.unwrap_err();
    assert!(begun.elapsed() >= Duration::from_secs(1));
    assert_eq!(error.error_type(), "Sandbox.Timedout");
    assert!(error.to_string().ends_with("Error: Task timed out after 1.00 seconds"), "{error}");
    let lines = subject.logged("Status: timeout").await;
    let said = lines.iter().position(|line| line.ends_with("Task timed out after 1.00 seconds"));
    assert!(said.is_some_and(|at| lines[at + 1].starts_with("END")), "{lines:#?}");
    until("the process is dead and reaped", || !exists(pid)).await;
    assert_ne!(subject.pid().await, pid);
}

#[tokio::test]
async fn a_process_that_exits_during_an_invocation_is_reported_with_its_status() {
    let subject = Subject::new(spec());
    for (event, reason) in [
        (r#"{"do": "exit"}"#, "Error: Runtime exited with error: exit status 7"),
        (r#"{"do": "abort"}"#, "Error: Runtime exited with error: signal: aborted"),
    ] {
        let pid = subject.pid().await;
        let error = subject.invoke(event).await.unwrap_err();
        assert_eq!(error.error_type(), "Runtime.ExitError");
        assert!(error.to_string().ends_with(reason), "{error}");
        subject.logged("Error Type: Runtime.ExitError").await;
        assert_ne!(subject.pid().await, pid);
        assert!(!exists(pid), "reaped before the answer");
    }
}

#[tokio::test]
async fn a_process_killed_while_idle_is_replaced_without_an_error() {
    let subject = Subject::new(spec());
    let pid = subject.pid().await;
    let killed = rustix::process::Pid::from_raw(pid as i32).unwrap();
    rustix::process::kill_process(killed, rustix::process::Signal::KILL).unwrap();
    until("the pool knows", || subject.lambda.instances()["subject"] == 0).await;
    assert_ne!(subject.pid().await, pid);
}

#[tokio::test]
async fn a_process_killed_by_its_access_key_fails_its_invocation_as_on_aws_and_is_replaced() {
    let subject = Subject::new(FunctionSpec { max_instances: 2, ..spec() });
    let key = subject.access_key().await;
    let other = async {
        subject.logged("doomed now").await;
        let other = subject.access_key().await;
        assert_ne!(other, key, "another process");
        assert_eq!(subject.lambda.process(&key), Some(Process { function: "subject".into(), dying: false }));
        subject.lambda.kill(&key).await;
        assert_eq!(subject.lambda.process(&key), None, "dead and reaped");
        other
    };
    let (doomed, other) = tokio::join!(subject.invoke(r#"{"print": "doomed now", "sleep_ms": 60000}"#), other);
    let error = doomed.unwrap_err();
    assert_eq!(error.error_type(), "Runtime.ExitError");
    assert!(error.to_string().ends_with("Error: Runtime exited with error: signal: killed"), "{error}");
    subject.logged("Error Type: Runtime.ExitError").await;
    assert_eq!(subject.access_key().await, other, "nobody else was touched");
    subject.lambda.kill("LOCALNOBODY00000000001").await;
    subject.lambda.kill(&other).await;
    assert_ne!(subject.access_key().await, other, "an idle one is replaced without an error");
}

#[tokio::test]
async fn a_function_that_cannot_initialise_fails_each_call_once_and_does_not_spin() {
    let mut broken = spec();
    broken.max_instances = 4;
    broken.environment.insert("FAIL_INIT".into(), "exit".into());
    let subject = Subject::new(broken);
    let calls = futures::future::join_all((0..6).map(|_| subject.invoke("{}"))).await;
    for call in calls {
        let error = call.unwrap_err();
        assert_eq!(error.error_type(), "Runtime.ExitError");
        assert!(error.to_string().ends_with("exit status 3"), "{error}");
    }
    until("nothing runs", || subject.lambda.instances()["subject"] == 0).await;
    until("the history", || subject.lambda.invocations().len() == 6).await;
}

#[tokio::test]
async fn an_initialisation_that_hangs_is_ended_at_its_limit() {
    let mut hanging = spec();
    hanging.timeout = Duration::from_millis(300);
    hanging.environment.insert("FAIL_INIT".into(), "hang".into());
    let options = LambdaOptions { init_limit: Duration::from_millis(300), ..LambdaOptions::default() };
    let subject = Subject::with(hanging, options);
    let error = subject.invoke("{}").await.unwrap_err();
    assert_eq!(error.error_type(), "Sandbox.Timedout");
    assert_eq!(error.payload()["errorMessage"], "Initialization timed out after 0.30 seconds");
    until("nothing runs", || subject.lambda.instances()["subject"] == 0).await;
}

#[tokio::test]
async fn a_missing_bootstrap_is_an_error_that_says_so() {
    let mut missing = spec();
    missing.bootstrap = "/nonexistent/bootstrap".into();
    let subject = Subject::new(missing);
    let error = subject.invoke("{}").await.unwrap_err();
    assert_eq!(error.error_type(), "Runtime.InvalidEntrypoint");
    assert!(subject.lines().iter().any(|line| line.contains("Runtime.InvalidEntrypoint")));
}

#[tokio::test]
async fn an_initialisation_error_is_what_the_function_reported() {
    // A bootstrap without a runtime library: the API as the documentation has it, over bash's sockets.
    let folder = tempfile::tempdir().unwrap();
    let script = "#!/bin/bash\n\
        exec 3<>/dev/tcp/${AWS_LAMBDA_RUNTIME_API%:*}/${AWS_LAMBDA_RUNTIME_API#*:}\n\
        body='{\"errorType\":\"Config.Missing\",\"errorMessage\":\"LEDGER_TABLE is not set\"}'\n\
        printf 'POST /2018-06-01/runtime/init/error HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: %s\\r\\n\\r\\n%s' \"${#body}\" \"$body\" >&3\n\
        read -r line <&3; sleep 60\n";
    let bootstrap = folder.path().join("bootstrap");
    std::fs::write(&bootstrap, script).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&bootstrap, mode).unwrap();
    let mut scripted = spec();
    scripted.bootstrap = bootstrap;
    let subject = Subject::new(scripted);
    let error = subject.invoke("{}").await.unwrap_err();
    assert_eq!(error.error_type(), "Config.Missing");
    assert_eq!(error.payload()["errorMessage"], "LEDGER_TABLE is not set");
    until("it is ended with its children", || subject.lambda.instances()["subject"] == 0).await;
}

#[tokio::test]
async fn a_caller_that_leaves_does_not_stop_the_invocation_or_the_timeout() {
    let mut short = spec();
    short.timeout = Duration::from_secs(1);
    let subject = Subject::new(short);
    let pid = subject.pid().await;
    tokio::select! {
        _ = subject.invoke(r#"{"print": "busy now", "sleep_ms": 60000}"#) => panic!("it cannot have answered"),
        _ = subject.logged("busy now") => {}
    }
    assert!(alive(pid));
    until("the timeout struck", || !alive(pid)).await;
    subject.logged("Status: timeout").await;
    assert_ne!(subject.pid().await, pid);
}
