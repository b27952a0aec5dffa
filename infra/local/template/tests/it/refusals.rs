//! What the runner would have to guess about is an error that names resource and property.

use crate::refusal;

#[test]
fn what_is_not_served_is_named() {
    for (template, complaint) in [
        (
            "Resources: {Stream: {Type: AWS::Kinesis::Stream}}",
            "Stream, property Type: AWS::Kinesis::Stream is not served locally",
        ),
        (
            "Resources: {T: {Type: AWS::DynamoDB::Table, Properties: {KinesisStreamSpecification: {}}}}",
            "T, property KinesisStreamSpecification: AWS::DynamoDB::Table with KinesisStreamSpecification is not served locally",
        ),
        (
            "Resources: {F: {Type: AWS::Serverless::Function, Properties: {Runtime: provided.al2023, CodeUri: f, VpcConfig: {}}}}",
            "F, property VpcConfig: AWS::Serverless::Function with VpcConfig is not served locally",
        ),
        (
            "Resources: {F: {Type: AWS::Serverless::Function, Properties: {Runtime: python3.13, CodeUri: f}}}",
            "F, property Runtime: python3.13 is not served: functions bring their own bootstrap",
        ),
        (
            "Resources: {F: {Type: AWS::Serverless::Function, Properties: {Runtime: provided.al2023, CodeUri: f, Events: {K: {Type: Kinesis, Properties: {Stream: x}}}}}}",
            "F, property Events.K.Properties: events of type Kinesis are not served locally",
        ),
        (
            "Resources: {F: {Type: AWS::Serverless::Function, Properties: {Runtime: provided.al2023, CodeUri: f, Events: {Q: {Type: SQS, Properties: {Queue: q, KmsKeyArn: k}}}}}}",
            "F, property Events.Q.Properties.KmsKeyArn: SQS with KmsKeyArn is not served locally",
        ),
        (
            "Resources: {F: {Type: AWS::Serverless::Function, Properties: {Runtime: provided.al2023, CodeUri: f, Events: {Q: {Type: SQS, Properties: {Queue: q, FilterCriteria: {Filters: [{Pattern: '{\"body\":\"x\"}'}]}}}}}}}",
            "F, property Events.Q.Properties.FilterCriteria.Filters.0.Pattern.body: a filter's leaf must be a list of alternatives",
        ),
        (
            "Resources: {Q: {Type: AWS::SQS::Queue, UpdatePolicy: {}}}",
            "Q, property UpdatePolicy: this attribute of a resource is not served",
        ),
        ("Rules: {}", "the section Rules is not served"),
        ("Resources: {Q: {Properties: {}}}", "Q: has no Type"),
        ("Resources: {Q: {Type: AWS::SQS::Queue, Properties: {QueueName: !Length [a]}}}", "unknown tag !Length"),
    ] {
        let refusal = refusal(template);
        assert!(refusal.ends_with(complaint), "{template}\n{refusal}\n{complaint}");
    }
}

#[test]
fn a_key_written_twice_is_an_error() {
    assert!(refusal("Resources:\n  Q: {Type: AWS::SQS::Queue}\n  Q: {Type: AWS::SQS::Queue}\n").contains("duplicate"));
}
