//! Parameters, conditions, functions, `Globals` and names, by tables.

use crate::{refusal, resolve};

const BANK: &str = r#"
Parameters:
  Stage: {Type: String, Default: dev, AllowedValues: [dev, prod]}
  Minutes: {Type: Number, Default: 60, MinValue: 15, MaxValue: 60}
  Origins: {Type: CommaDelimitedList, Default: "a, b"}
Mappings:
  Sizes: {dev: {memory: 128, name: small}, prod: {memory: 512, name: large}}
Conditions:
  Prod: !Equals [!Ref Stage, prod]
  Dev: !Not [!Condition Prod]
  Either: !Or [!Condition Prod, !Equals [a, b]]
  Both: !And [!Condition Dev, !Equals [!Ref Minutes, "60"]]
Resources:
  Orders: {Type: AWS::SQS::Queue, Properties: {FifoQueue: true}}
  Named: {Type: AWS::SQS::Queue, Properties: {QueueName: !Sub "${AWS::StackName}-named"}}
  Ledger: {Type: AWS::DynamoDB::Table, Properties: {BillingMode: PAY_PER_REQUEST, StreamSpecification: {StreamViewType: NEW_IMAGE}}}
  Alerts: {Type: AWS::SNS::Topic, Condition: Prod}
  Pool: {Type: AWS::Cognito::UserPool}
  Key: {Type: AWS::SecretsManager::Secret}
Outputs:
  Answer:
    Value: "#;

/// Resolves one expression in the little bank above.
fn evaluate(expression: &str, parameters: &[(&str, &str)]) -> String {
    let stack = resolve(&format!("{BANK}{expression}\n"), parameters);
    stack.unwrap_or_else(|error| panic!("{expression}: {error}")).outputs["Answer"].clone()
}

#[test]
fn functions_answer_what_cloudformation_answers() {
    for (expression, answer) in [
        ("plain", "plain"),
        ("!Ref Stage", "dev"),
        ("{Ref: Minutes}", "60"),
        ("!Ref AWS::Region", "eu-west-1"),
        ("!Ref AWS::AccountId", "000000000000"),
        ("!Ref AWS::URLSuffix", "amazonaws.com"),
        ("!Sub '${AWS::StackName}-${Stage}-${Minutes}'", "bank-dev-60"),
        ("!Sub '${!Stage} ${Orders.QueueName}'", "${Stage} bank-Orders.fifo"),
        ("!Sub ['${who} pays ${Stage}', {who: !Ref AWS::Partition}]", "aws pays dev"),
        ("!Join ['+', [a, !Ref Stage, !If [Prod, c, !Ref 'AWS::NoValue']]]", "a+dev"),
        ("!Join ['', !Ref Origins]", "ab"),
        ("!Select [1, !Ref Origins]", "b"),
        ("!Select [0, !Split ['-', x-y]]", "x"),
        ("!FindInMap [Sizes, !Ref Stage, name]", "small"),
        ("!If [Both, both, !If [Either, either, neither]]", "both"),
        ("{'Fn::If': [Prod, a, b]}", "b"),
        ("!Ref Orders", "http://localhost:4566/000000000000/bank-Orders.fifo"),
        ("!Ref Named", "http://localhost:4566/000000000000/bank-named"),
        ("!GetAtt Orders.Arn", "arn:aws:sqs:eu-west-1:000000000000:bank-Orders.fifo"),
        ("{'Fn::GetAtt': [Named, QueueName]}", "bank-named"),
        ("!Ref Ledger", "bank-Ledger"),
        ("!GetAtt Ledger.Arn", "arn:aws:dynamodb:eu-west-1:000000000000:table/bank-Ledger"),
    ] {
        assert_eq!(evaluate(expression, &[]), answer, "{expression}");
    }
}

#[test]
fn conditions_follow_the_parameters() {
    for (stage, minutes, answer) in [("dev", "60", "both"), ("dev", "15", "neither"), ("prod", "60", "either")] {
        let given = [("Stage", stage), ("Minutes", minutes)];
        let expression = "!If [Both, both, !If [Either, either, neither]]";
        assert_eq!(evaluate(expression, &given), answer, "{stage} {minutes}");
    }
    assert_eq!(evaluate("!Ref Alerts", &[("Stage", "prod")]), "arn:aws:sns:eu-west-1:000000000000:bank-Alerts");
    assert!(resolve(&format!("{BANK}x"), &[]).is_ok_and(|stack| stack.topics().is_empty()));
}

#[test]
fn names_that_aws_would_draw_follow_from_stack_and_logical_id() {
    let pool = evaluate("!Ref Pool", &[]);
    let (region, token) = pool.split_once('_').expect("region and token");
    assert_eq!((region, token.len()), ("eu-west-1", 9));
    assert_eq!(pool, evaluate("!Ref Pool", &[]), "the same after a restart");
    assert_eq!(evaluate("!GetAtt Pool.ProviderURL", &[]), format!("http://localhost:4566/{pool}"));
    let key = evaluate("!Ref Key", &[]);
    assert!(key.starts_with("arn:aws:secretsmanager:eu-west-1:000000000000:secret:bank-Key-"), "{key}");
}

#[test]
fn parameters_are_held_to_their_declaration() {
    for (name, value, complaint) in [
        ("Stage", "test", "Stage: \"test\" is not one of dev, prod"),
        ("Minutes", "61", "Minutes: 61 is outside of its range"),
        ("Minutes", "an hour", "Minutes: \"an hour\" is not a number"),
        ("Colour", "red", "Colour: the template has no parameter of this name"),
    ] {
        let error = resolve(&format!("{BANK}x"), &[(name, value)]).expect_err(complaint);
        assert_eq!(error.to_string(), complaint);
    }
}

#[test]
fn what_cannot_be_evaluated_is_named_with_its_place() {
    for (expression, complaint) in [
        ("!Ref Alerts", "Answer: refers to Alerts, which its condition leaves out"),
        ("!Ref Nobody", "Answer: refers to Nobody, which is neither a parameter nor a resource"),
        ("!GetAtt Orders.Colour", "Answer: AWS::SQS::Queue Orders has no attribute Colour that is served"),
        ("!If [Never, a, b]", "Answer: there is no condition Never"),
        ("!Select [7, !Ref Origins]", "Answer: Fn::Select: there is no element 7"),
        ("!FindInMap [Sizes, test, name]", "Answer: there is no Sizes.test.name in the mappings"),
        ("!ImportValue x", "Answer: Fn::ImportValue is not served"),
        ("!Sub '${Stage'", "Answer: Fn::Sub: a ${ without its }"),
    ] {
        assert_eq!(refusal(&format!("{BANK}{expression}")), complaint, "{expression}");
    }
    let circle = "Resources:\n  A: {Type: AWS::SQS::Queue, Properties: {QueueName: !GetAtt B.QueueName}}\n  \
                  B: {Type: AWS::SQS::Queue, Properties: {QueueName: !GetAtt A.QueueName}}\n";
    assert!(refusal(circle).contains("depends on itself"), "{}", refusal(circle));
}

#[test]
fn globals_are_merged_as_sam_does() {
    let stack = resolve(
        "
Conditions: {Never: !Equals [a, b]}
Globals:
  Function:
    Runtime: provided.al2023
    Timeout: 10
    LoggingConfig: {LogFormat: JSON}
    Environment: {Variables: {KEPT: global, CHANGED: global, GONE: !If [Never, x, !Ref 'AWS::NoValue'], NUMBER: 5}}
Resources:
  Pay:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/pay/
      Timeout: 20
      LoggingConfig: {LogGroup: /bank/pay}
      Environment: {Variables: {CHANGED: own, OWN: own}}
  Plain: {Type: AWS::Serverless::Function, Properties: {CodeUri: target/lambda/plain}}
",
        &[],
    )
    .unwrap_or_else(|error| panic!("{error}"));
    let [pay, plain] = stack.functions() else { panic!("two functions") };
    assert_eq!((pay.timeout_s, pay.log_group.as_str(), pay.folder.as_str()), (20, "/bank/pay", "pay"));
    let variables: Vec<_> = pay.environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(variables, ["CHANGED=own", "KEPT=global", "NUMBER=5", "OWN=own"]);
    assert_eq!((plain.timeout_s, plain.memory_mb, plain.name.as_str()), (10, 128, "bank-Plain"));
}

#[test]
fn a_nested_stack_is_read_with_its_own_parameters() {
    let folder = tempfile::tempdir().expect("a folder");
    let inner = "Parameters: {Table: {Type: String}}\nResources:\n  Alarm: {Type: AWS::CloudWatch::Alarm}\n\
                 Outputs: {Watched: {Value: !Sub '${AWS::StackName}/${Table}'}}\n";
    let outer = "Resources:\n  Ledger: {Type: AWS::DynamoDB::Table}\n  Alarms:\n    Type: AWS::CloudFormation::Stack\n    \
                 Properties: {TemplateURL: inner.yaml, Parameters: {Table: !Ref Ledger}}\n\
                 Outputs: {Watched: {Value: !GetAtt Alarms.Outputs.Watched}}\n";
    std::fs::write(folder.path().join("inner.yaml"), inner).expect("written");
    std::fs::write(folder.path().join("outer.yaml"), outer).expect("written");
    let options = local_template::Options {
        stack_name: "bank".to_owned(),
        parameters: Default::default(),
        ..local_template::Options::local("http://localhost:4566")
    };
    let stack = local_template::load(&folder.path().join("outer.yaml"), &options);
    let stack = stack.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(stack.outputs["Watched"], "bank-Alarms/bank-Ledger");
    assert!(stack.nested["Alarms"].resources.contains_key("Alarm"));
}
