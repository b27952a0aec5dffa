//! Groups, their members, and how they stand in tokens.

use serde_json::{Value, json};

use crate::harness::*;

async fn with_groups() -> World {
    let world = World::new();
    for (name, precedence) in [("staff", json!(20)), ("admins", json!("10")), ("customers", Value::Null)] {
        let mut properties = json!({"UserPoolId": POOL, "GroupName": name, "Description": "d"});
        if !precedence.is_null() {
            properties["Precedence"] = precedence;
        }
        world.cognito.ensure_group(POOL, &properties).unwrap();
    }
    world
}

fn member(group: &str) -> Value {
    json!({"UserPoolId": POOL, "Username": "alice@example.com", "GroupName": group})
}

#[tokio::test]
async fn the_groups_of_a_user_stand_in_both_tokens_by_precedence() {
    let world = with_groups().await;
    world.registered("alice@example.com").await;
    let tokens = world.signed_in("alice@example.com").await;
    assert!(decoded(&tokens["AccessToken"]).1.get("cognito:groups").is_none());
    for group in ["customers", "staff", "admins"] {
        world.call("AdminAddUserToGroup", member(group)).await.unwrap();
    }
    world.call("AdminAddUserToGroup", member("staff")).await.unwrap();
    // Standing tokens are not changed by that; refreshed and new ones are.
    let refreshed = world.refresh(&tokens["RefreshToken"]).await.unwrap();
    for kind in ["AccessToken", "IdToken"] {
        let (_, claims) = decoded(&refreshed["AuthenticationResult"][kind]);
        assert_eq!(claims["cognito:groups"], json!(["admins", "staff", "customers"]), "{kind}");
    }
    let body = json!({"UserPoolId": POOL, "Username": "alice@example.com"});
    let listed = world.call("AdminListGroupsForUser", body).await.unwrap();
    let names: Vec<&Value> = listed["Groups"].as_array().unwrap().iter().map(|group| &group["GroupName"]).collect();
    assert_eq!(names, ["admins", "customers", "staff"]);
    world.call("AdminRemoveUserFromGroup", member("admins")).await.unwrap();
    let tokens = world.signed_in("alice@example.com").await;
    assert_eq!(decoded(&tokens["IdToken"]).1["cognito:groups"], json!(["staff", "customers"]));
}

#[tokio::test]
async fn groups_and_users_that_do_not_exist_are_named() {
    let world = with_groups().await;
    refused(world.call("AdminAddUserToGroup", member("staff")).await, "UserNotFoundException", "User does not exist.");
    world.registered("alice@example.com").await;
    refused(
        world.call("AdminAddUserToGroup", member("nobility")).await,
        "ResourceNotFoundException",
        "Group not found.",
    );
    let group = json!({"UserPoolId": POOL, "GroupName": "staff"});
    refused(
        world.call("CreateGroup", group.clone()).await,
        "GroupExistsException",
        "A group with the name already exists.",
    );
    assert_eq!(world.call("GetGroup", group.clone()).await.unwrap()["Group"]["Precedence"], 20);
    world.call("DeleteGroup", group.clone()).await.unwrap();
    refused_as(world.call("GetGroup", group).await, "ResourceNotFoundException");
}

#[tokio::test]
async fn groups_and_members_are_listed_in_pages() {
    let world = with_groups().await;
    for index in 0..5 {
        let email = format!("user{index}@example.com");
        let body = json!({"UserPoolId": POOL, "Username": email, "MessageAction": "SUPPRESS"});
        world.call("AdminCreateUser", body).await.unwrap();
        let body = json!({"UserPoolId": POOL, "Username": email, "GroupName": "staff"});
        world.call("AdminAddUserToGroup", body).await.unwrap();
    }
    let page =
        world.call("ListUsersInGroup", json!({"UserPoolId": POOL, "GroupName": "staff", "Limit": 3})).await.unwrap();
    assert_eq!(page["Users"].as_array().unwrap().len(), 3);
    let body = json!({"UserPoolId": POOL, "GroupName": "staff", "Limit": 3, "NextToken": page["NextToken"]});
    let rest = world.call("ListUsersInGroup", body).await.unwrap();
    assert_eq!(rest["Users"].as_array().unwrap().len(), 2);
    assert!(rest.get("NextToken").is_none());
    let page = world.call("ListGroups", json!({"UserPoolId": POOL, "Limit": 2})).await.unwrap();
    assert_eq!(page["Groups"].as_array().unwrap().len(), 2);
    let body = json!({"UserPoolId": POOL, "Limit": 2, "NextToken": page["NextToken"]});
    assert_eq!(world.call("ListGroups", body).await.unwrap()["Groups"][0]["GroupName"], "staff");
}

#[tokio::test]
async fn a_group_made_by_a_call_stands_beside_those_of_the_template() {
    let world = with_groups().await;
    let body =
        json!({"UserPoolId": POOL, "GroupName": "auditors", "Precedence": 5, "RoleArn": "arn:aws:iam::0:role/r"});
    let made = world.call("CreateGroup", body).await.unwrap();
    assert_eq!(made["Group"]["GroupName"], "auditors");
    world.registered("alice@example.com").await;
    world.call("AdminAddUserToGroup", member("auditors")).await.unwrap();
    let tokens = world.signed_in("alice@example.com").await;
    let (_, claims) = decoded(&tokens["IdToken"]);
    assert_eq!(claims["cognito:roles"], json!(["arn:aws:iam::0:role/r"]));
    assert_eq!(claims["cognito:preferred_role"], "arn:aws:iam::0:role/r");
    let body = json!({"UserPoolId": POOL, "GroupName": "auditors", "Description": "look"});
    let updated = world.call("UpdateGroup", body).await.unwrap();
    assert_eq!(updated["Group"]["Description"], "look");
    assert_eq!(updated["Group"]["Precedence"], 5);
}
