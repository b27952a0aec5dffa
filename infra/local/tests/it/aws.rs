//! The AWS port as SDKs and the CLI see it.

use bytes::Bytes;
use serde_json::json;

use crate::world::start;

#[tokio::test(flavor = "multi_thread")]
async fn every_service_answers_on_one_port_and_the_others_are_named() {
    let world = start().await;
    let aws = world.aws();
    let tables = aws.call("DynamoDB_20120810.ListTables", &json!({})).await.expect_status(200);
    let names: Vec<&str> = world.runner.stack().tables().iter().map(|table| table.name.as_str()).collect();
    let listed = tables["TableNames"].as_array().expect("names");
    assert!(names.iter().all(|name| listed.contains(&json!(name))), "{names:?} in {listed:?}");
    let ttl = aws.call("DynamoDB_20120810.DescribeTimeToLive", &json!({"TableName": names[0]})).await;
    assert_eq!(ttl.expect_status(200)["TimeToLiveDescription"]["TimeToLiveStatus"], "ENABLED");
    let streams = aws.call("DynamoDBStreams_20120810.ListStreams", &json!({})).await.expect_status(200);
    let stream = streams["Streams"][0]["StreamArn"].clone();
    assert!(stream.as_str().is_some_and(|arn| arn.starts_with("arn:aws:dynamodb:eu-west-1:")), "{stream}");
    let described = aws.call("DynamoDBStreams_20120810.DescribeStream", &json!({"StreamArn": stream})).await;
    assert_eq!(described.expect_status(200)["StreamDescription"]["StreamArn"], stream);
    aws.call("AmazonSQS.ListQueues", &json!({})).await.expect_status(200);
    let pool = &world.runner.stack().user_pools()[0].id;
    let keys = aws.get(&format!("/{pool}/.well-known/jwks.json"), None).await.expect_status(200);
    assert!(keys["keys"].as_array().is_some_and(|keys| !keys.is_empty()));
    aws.call("AWSCognitoIdentityProviderService.DescribeUserPool", &json!({"UserPoolId": pool}))
        .await
        .expect_status(200);
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let sms = "Action=Publish&Version=2010-03-31&PhoneNumber=%2B51999999999&Message=hello";
    aws.send("POST", "/", &form, sms).await.expect_success();
    let sent = world.root().get("/_local/sms", None).await.expect_status(200);
    assert_eq!((&sent[0]["to"], &sent[0]["message"]), (&json!("+51999999999"), &json!("hello")));
    let unknown = aws.call("AWSGlue.GetTables", &json!({})).await.expect_status(400);
    assert!(unknown["message"].as_str().is_some_and(|message| message.contains("AWSGlue.GetTables")), "{unknown}");
    world.runner.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_can_be_invoked_as_the_cli_does_and_leave_a_record() {
    let world = start().await;
    let audit = world.runner.stack().functions().iter().find(|function| function.folder == "ledger-audit");
    let audit = audit.expect("a function").clone();
    let path = |name: &str| format!("/2015-03-31/functions/{name}/invocations");
    let seen = world.aws().send("POST", &path(&audit.arn.replace(':', "%3A")), &[], "{}").await;
    assert_eq!((seen.status, seen.header("x-amz-function-error")), (200, ""), "{seen:?}");
    let event = [("x-amz-invocation-type", "Event")];
    assert_eq!(world.aws().send("POST", &path(&audit.name), &event, "{}").await.status, 202);
    let missing = world.aws().send("POST", &path("no-such"), &[], Bytes::new()).await;
    assert_eq!(missing.expect_status(404)["__type"], "ResourceNotFoundException");
    let invocations = world.root().get("/_local/invocations", None).await.expect_status(200);
    let mine = |record: &serde_json::Value| record["function"] == audit.name && record["status"] == "success";
    assert!(invocations.as_array().is_some_and(|records| records.iter().any(mine)), "{invocations}");
    world.runner.shutdown().await;
}
