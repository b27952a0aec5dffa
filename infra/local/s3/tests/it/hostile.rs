//! Requests that no SDK would make.

use crate::world::{BUCKET, World};

#[tokio::test]
async fn no_key_leads_out_of_its_bucket() {
    let world = World::new().await;
    let outside = world.folder.join("../secret");
    std::fs::write(&outside, "secret").expect("written");
    for path in [
        "/florin-lake/../../secret",
        "/florin-lake/%2e%2e/%2e%2e/secret",
        "/florin-lake/..%2f..%2fsecret",
        "/..%2fsecret/x",
        "/%2e%2e/secret",
        "/florin-lake//etc/passwd",
        "/.incoming/x",
        "/.athena/x",
        "/.uploads/x",
        "/florin-lake/%00/../x",
    ] {
        let (_, body) = world.raw("GET", path, &[], "").await;
        assert!(!body.contains("secret</") && body != "secret" && !body.contains("root:"), "{path}: {body}");
        let (status, _) = world.raw("PUT", path, &[], "overwritten").await;
        let (_, _) = world.raw("DELETE", path, &[], "").await;
        assert!((200..500).contains(&status), "{path}: {status}");
        assert_eq!(std::fs::read_to_string(&outside).expect("still there"), "secret", "{path}");
    }
    let entries = std::fs::read_dir(world.folder.join("..")).expect("the folder").count();
    assert!(entries <= 5, "buckets, facts and the secret; nothing else was made");
}

#[tokio::test]
async fn an_object_beside_a_folder_of_its_name_is_refused_and_nothing_is_lost() {
    let world = World::new().await;
    world.put("a/b", "inner").await;
    let (status, body) = world.raw("PUT", "/florin-lake/a", &[], "outer").await;
    assert!(status == 501 && body.contains("<Code>NotImplemented</Code>"), "{status} {body}");
    world.put("c", "outer").await;
    let (status, _) = world.raw("PUT", "/florin-lake/c/d", &[], "inner").await;
    assert_eq!(status, 501);
    assert_eq!((world.get("a/b").await.as_deref(), world.get("c").await.as_deref()), (Some("inner"), Some("outer")));
    // A name that was a folder's is free again when nothing is in it any more.
    world.client.delete_object().bucket(BUCKET).key("a/b").send().await.expect("deleted");
    world.put("a", "outer").await;
}

#[tokio::test]
async fn what_is_not_served_says_so() {
    let world = World::new().await;
    world.put("k", "v").await;
    for (method, path) in [
        ("GET", "/florin-lake?policy"),
        ("PUT", "/florin-lake?lifecycle"),
        ("GET", "/florin-lake/k?acl"),
        ("PUT", "/florin-lake/k?tagging"),
        ("GET", "/florin-lake?versions"),
        ("POST", "/florin-lake/k?select&select-type=2"),
    ] {
        let (status, body) = world.raw(method, path, &[], "").await;
        assert!(status == 501 && body.contains("<Code>NotImplemented</Code>"), "{method} {path}: {status} {body}");
    }
    assert_eq!(world.get("k").await.as_deref(), Some("v"), "a sub-resource is not taken for the object");
    let (status, body) = world.raw("POST", "/florin-lake/k", &[], "").await;
    assert!(status == 405 && body.contains("<RequestId>"), "{status} {body}");
}

#[tokio::test]
async fn malformed_requests_are_refused() {
    let world = World::new().await;
    for (method, path, headers, body, status) in [
        ("POST", "/florin-lake?delete", &[][..], "<Delete><Object>", 400),
        (
            "POST",
            "/florin-lake?delete",
            &[],
            "<!DOCTYPE x [<!ENTITY a \"b\">]><Delete><Object><Key>&a;</Key></Object></Delete>",
            400,
        ),
        ("POST", "/florin-lake?delete", &[], "<Delete></Delete>", 400),
        ("PUT", "/florin-lake/k", &[("content-md5", "x")], "v", 400),
        (
            "PUT",
            "/florin-lake/k",
            &[("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")],
            "ffffffffffffffff\r\nx",
            400,
        ),
        ("PUT", "/florin-lake/k?partNumber=1&uploadId=..%2F..%2Fx", &[], "v", 404),
        ("PUT", "/florin-lake/k?partNumber=0&uploadId=x", &[], "v", 404),
        ("GET", "/florin-lake?list-type=2&max-keys=-1", &[], "", 400),
        ("GET", "/florin-lake?list-type=2&continuation-token=zz", &[], "", 400),
        ("GET", "/florin-lake/%ff", &[], "", 400),
        ("PUT", "/UPPER", &[], "", 400),
        ("GET", "/florin-lake?list-type=2&prefix=../../", &[], "", 200),
    ] {
        let (found, answer) = world.raw(method, path, headers, body).await;
        assert_eq!(found, status, "{method} {path} {body}: {answer}");
    }
    let long = format!("/florin-lake/{}", "a/".repeat(600));
    let (status, body) = world.raw("PUT", &long, &[], "v").await;
    assert!(status == 400 && body.contains("KeyTooLongError"), "{status} {body}");
    assert!(world.client.list_objects_v2().bucket(BUCKET).send().await.expect("listed").contents().is_empty());
}

#[tokio::test]
async fn names_are_escaped_in_answers() {
    let world = World::new().await;
    world.put("<&\">\n\u{1}", "v").await;
    let (status, body) = world.raw("GET", "/florin-lake?list-type=2&encoding-type=url", &[], "").await;
    assert!(status == 200 && body.contains("<Key>%3C%26%22%3E%0A%01</Key>"), "{body}");
    let (_, body) = world.raw("GET", "/florin-lake/%3Cscript%3E", &[], "").await;
    assert!(body.contains("<Key>&lt;script&gt;</Key>"), "{body}");
}
