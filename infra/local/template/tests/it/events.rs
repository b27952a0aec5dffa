//! Event sources with AWS's defaults filled in, and routes with their API's.

use std::time::Duration;

use local_template::{Event, ScheduleExpression, ScheduleSource, SqsSource, StreamSource};

use crate::{refusal, resolve};

fn function(events: &str) -> String {
    format!(
        "
Resources:
  Queue: {{Type: AWS::SQS::Queue, Properties: {{VisibilityTimeout: 60, RedrivePolicy: {{maxReceiveCount: 5, deadLetterTargetArn: !GetAtt Dead.Arn}}}}}}
  Dead: {{Type: AWS::SQS::Queue}}
  Table: {{Type: AWS::DynamoDB::Table, Properties: {{StreamSpecification: {{StreamViewType: NEW_IMAGE}}}}}}
  Pool: {{Type: AWS::Cognito::UserPool}}
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: v1
      Auth:
        DefaultAuthorizer: Cognito
        AddDefaultAuthorizerToCorsPreflight: false
        Authorizers: {{Cognito: {{UserPoolArn: !GetAtt Pool.Arn, AuthorizationScopes: [admin]}}}}
      Cors: {{AllowOrigin: \"'*'\"}}
      MethodSettings: [{{ResourcePath: /~1auth~1sign-in, HttpMethod: post, ThrottlingBurstLimit: 3, ThrottlingRateLimit: 1.5}}]
      GatewayResponses: {{UNAUTHORIZED: {{StatusCode: 401, ResponseParameters: {{Headers: {{Content-Type: \"'application/problem+json'\"}}}}}}}}
  Work:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: provided.al2023
      CodeUri: target/lambda/work/
      EventInvokeConfig: {{MaximumRetryAttempts: 0, DestinationConfig: {{OnFailure: {{Type: SQS, Destination: !GetAtt Dead.Arn}}}}}}
      Events:
{events}
"
    )
}

fn events(text: &str) -> Vec<Event> {
    let stack = resolve(&function(text), &[]).unwrap_or_else(|error| panic!("{error}"));
    stack.functions()[0].events.clone()
}

#[test]
fn a_route_takes_authorizer_and_scopes_from_its_api_unless_it_names_its_own() {
    let events = events(
        "        A: {Type: Api, Properties: {RestApiId: !Ref Api, Method: get, Path: /a}}
        B: {Type: Api, Properties: {RestApiId: !Ref Api, Method: GET, Path: /b, Auth: {Authorizer: NONE}}}
        C: {Type: Api, Properties: {RestApiId: !Ref Api, Method: POST, Path: '/c/{id}', Auth: {Authorizer: Cognito, AuthorizationScopes: [admin, buy]}}}",
    );
    let seen: Vec<_> = events
        .iter()
        .map(|event| match event {
            Event::Api(route) => format!("{} {} {:?} {:?}", route.method, route.path, route.authorizer, route.scopes),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        seen,
        [
            r#"GET /a Some("Cognito") ["admin"]"#,
            r#"GET /b None []"#,
            r#"POST /c/{id} Some("Cognito") ["admin", "buy"]"#
        ]
    );
}

#[test]
fn the_api_is_read_without_sams_quotes_and_codes() {
    let stack = resolve(&function("        {}"), &[]).unwrap_or_else(|error| panic!("{error}"));
    let api = stack.api().expect("an API");
    assert_eq!(api.stage, "v1");
    assert_eq!(api.cors.as_ref().map(|cors| cors.allow_origin.as_str()), Some("*"));
    let setting = &api.method_settings[0];
    assert_eq!((setting.resource_path.as_str(), setting.http_method.as_str()), ("/auth/sign-in", "POST"));
    assert_eq!((setting.burst_limit, setting.rate_limit), (Some(3.0), Some(1.5)));
    assert_eq!(api.gateway_responses["UNAUTHORIZED"].headers["Content-Type"], "application/problem+json");
}

#[test]
fn a_queue_source_has_awss_defaults() {
    let events = events(
        "        Q: {Type: SQS, Properties: {Queue: !GetAtt Queue.Arn, FunctionResponseTypes: [ReportBatchItemFailures], ScalingConfig: {MaximumConcurrency: 2}}}",
    );
    let [
        Event::Sqs(SqsSource {
            queue_arn,
            batch_size,
            window_s,
            max_concurrency,
            report_batch_item_failures,
            enabled,
            ..
        }),
    ] = events.as_slice()
    else {
        panic!("{events:?}")
    };
    assert_eq!(queue_arn, "arn:aws:sqs:eu-west-1:000000000000:bank-Queue");
    assert_eq!((*batch_size, *window_s, *max_concurrency), (10, 0, Some(2)));
    assert!(*report_batch_item_failures && *enabled);
}

#[test]
fn a_stream_source_reads_the_tables_stream_until_records_expire() {
    let events = events(
        "        S: {Type: DynamoDB, Properties: {Stream: !GetAtt Table.StreamArn, StartingPosition: TRIM_HORIZON, MaximumRetryAttempts: -1, FilterCriteria: {Filters: [{Pattern: '{\"eventName\":[\"INSERT\"]}'}]}, DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt Dead.Arn}}}}",
    );
    let [Event::Stream(source)] = events.as_slice() else { panic!("{events:?}") };
    let StreamSource { stream_arn, batch_size, max_retry_attempts, on_failure, filters, .. } = source;
    let stack = resolve(&function("        {}"), &[]).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(stack.tables()[0].stream_arn.as_ref(), Some(stream_arn));
    assert_eq!((*batch_size, *max_retry_attempts, filters.len()), (100, None, 1));
    assert_eq!(on_failure.as_deref(), Some("arn:aws:sqs:eu-west-1:000000000000:bank-Dead"));
}

#[test]
fn schedules_are_read() {
    for (text, expected) in [
        ("rate(1 minute)", ScheduleExpression::Rate(Duration::from_secs(60))),
        ("rate(2 hours)", ScheduleExpression::Rate(Duration::from_secs(7_200))),
        ("cron(0 6 * * ? *)", ScheduleExpression::Cron("0 6 * * ? *".to_owned())),
    ] {
        let events = events(&format!(
            "        T: {{Type: ScheduleV2, Properties: {{Name: tick, ScheduleExpression: '{text}', DeadLetterConfig: {{Arn: !GetAtt Dead.Arn}}}}}}"
        ));
        let [Event::Schedule(ScheduleSource { name, expression, dead_letter, enabled, .. })] = events.as_slice() else {
            panic!("{events:?}")
        };
        assert_eq!((name.as_str(), expression, *enabled), ("tick", &expected, true));
        assert!(dead_letter.is_some());
    }
    for text in ["rate(0 minutes)", "rate(5 parsecs)", "every day", "cron(* * *)"] {
        let refusal = refusal(&function(&format!(
            "        T: {{Type: ScheduleV2, Properties: {{ScheduleExpression: '{text}'}}}}"
        )));
        assert!(refusal.starts_with("Work, property Events.T.Properties.ScheduleExpression: "), "{refusal}");
    }
}

#[test]
fn a_queue_keeps_the_attributes_of_the_sqs_api() {
    let stack = resolve(&function("        {}"), &[]).unwrap_or_else(|error| panic!("{error}"));
    let attributes = &stack.queues()[0].attributes;
    assert_eq!(attributes["VisibilityTimeout"], "60");
    let redrive = r#"{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:000000000000:bank-Dead","maxReceiveCount":5}"#;
    assert_eq!(attributes["RedrivePolicy"], redrive);
    assert_eq!(stack.functions()[0].max_retry_attempts, Some(0));
}
