//! The AWS SDK for Rust as it is by default: it sends checksums and verifies those that come back.

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    ChecksumAlgorithm, ChecksumMode, CompletedMultipartUpload, CompletedPart, Delete, MetadataDirective,
    ObjectIdentifier,
};

use crate::world::{BUCKET, World};

#[tokio::test]
async fn an_object_makes_the_round_trip_and_is_a_plain_file() {
    let world = World::new().await;
    let key = "tables/accounts/dt=2026-11-30/a b+ü.parquet";
    let put = world.client.put_object().bucket(BUCKET).key(key).content_type("application/vnd.apache.parquet");
    let put = put.metadata("Made-By", "lake-ingest").cache_control("no-store").body(ByteStream::from_static(b"hello"));
    let put = put.send().await.expect("put");
    assert_eq!(put.e_tag(), Some("\"5d41402abc4b2a76b9719d911017c592\""));
    assert_eq!(std::fs::read_to_string(world.folder.join(BUCKET).join(key)).expect("the file"), "hello");
    let got = world
        .client
        .get_object()
        .bucket(BUCKET)
        .key(key)
        .checksum_mode(ChecksumMode::Enabled)
        .send()
        .await
        .expect("got");
    assert_eq!(got.content_type(), Some("application/vnd.apache.parquet"));
    assert_eq!(got.cache_control(), Some("no-store"));
    assert_eq!(got.metadata().and_then(|own| own.get("made-by")).map(String::as_str), Some("lake-ingest"));
    assert_eq!(got.checksum_crc32(), put.checksum_crc32());
    assert!(got.checksum_crc32().is_some(), "the SDK sends one by default");
    assert_eq!(got.body.collect().await.expect("the body").into_bytes(), "hello");
    let head = world.client.head_object().bucket(BUCKET).key(key).send().await.expect("there");
    assert_eq!((head.content_length(), head.e_tag()), (Some(5), put.e_tag()));
    world.client.delete_object().bucket(BUCKET).key(key).send().await.expect("deleted");
    let gone = world.client.head_object().bucket(BUCKET).key(key).send().await.expect_err("gone");
    assert!(gone.into_service_error().is_not_found());
    assert!(!world.folder.join(BUCKET).join("tables").exists(), "empty folders go along");
    world.client.delete_object().bucket(BUCKET).key(key).send().await.expect("deleting nothing is no error");
}

#[tokio::test]
async fn every_checksum_of_the_sdk_is_verified_and_given_back() {
    let world = World::new().await;
    for algorithm in
        [ChecksumAlgorithm::Crc32, ChecksumAlgorithm::Crc32C, ChecksumAlgorithm::Crc64Nvme, ChecksumAlgorithm::Sha256]
    {
        let put = world.client.put_object().bucket(BUCKET).key("k").checksum_algorithm(algorithm.clone());
        put.body(ByteStream::from_static(b"123456789"))
            .send()
            .await
            .unwrap_or_else(|error| panic!("{algorithm}: {error:?}"));
        let got = world
            .client
            .get_object()
            .bucket(BUCKET)
            .key("k")
            .checksum_mode(ChecksumMode::Enabled)
            .send()
            .await
            .expect("got");
        got.body.collect().await.unwrap_or_else(|error| panic!("{algorithm}: {error:?}"));
    }
}

#[tokio::test]
async fn a_stream_of_a_file_comes_in_chunks() {
    let world = World::new().await;
    let file = world.folder.join("../body");
    std::fs::write(&file, vec![7; 300_000]).expect("written");
    let body = ByteStream::read_from().path(&file).build().await.expect("a stream");
    world.client.put_object().bucket(BUCKET).key("big").body(body).send().await.expect("put");
    let head = world.client.head_object().bucket(BUCKET).key("big").send().await.expect("there");
    assert_eq!(head.content_length(), Some(300_000));
    assert_eq!(head.content_encoding(), None, "how it came is no property of it");
}

#[tokio::test]
async fn writes_have_conditions() {
    let world = World::new().await;
    let put = || world.client.put_object().bucket(BUCKET).key("k").body(ByteStream::from_static(b"v"));
    let first = put().if_none_match("*").send().await.expect("the first");
    let refused = put().if_none_match("*").send().await.expect_err("there is one");
    assert_eq!(refused.code(), Some("PreconditionFailed"));
    assert_eq!(refused.raw_response().map(|response| response.status().as_u16()), Some(412));
    put().if_match(first.e_tag().expect("an ETag")).send().await.expect("unchanged");
    assert_eq!(put().if_match("\"0\"").send().await.expect_err("changed").code(), Some("PreconditionFailed"));
    let missing =
        world.client.put_object().bucket(BUCKET).key("none").if_match("\"0\"").body(ByteStream::from_static(b"v"));
    assert_eq!(missing.send().await.expect_err("none").code(), Some("NoSuchKey"));
    // Of many who would be first one is.
    let race = (0..16).map(|_| {
        let put =
            world.client.put_object().bucket(BUCKET).key("race").if_none_match("*").body(ByteStream::from_static(b"v"));
        tokio::spawn(put.send())
    });
    let mut won = 0;
    for put in race.collect::<Vec<_>>() {
        won += usize::from(put.await.expect("ran").is_ok());
    }
    assert_eq!(won, 1);
}

#[tokio::test]
async fn reads_have_conditions_and_ranges() {
    let world = World::new().await;
    world.put("k", "0123456789").await;
    let get = || world.client.get_object().bucket(BUCKET).key("k");
    let part = get().range("bytes=2-4").send().await.expect("a part");
    assert_eq!((part.content_range(), part.content_length()), (Some("bytes 2-4/10"), Some(3)));
    assert_eq!(part.body.collect().await.expect("the body").into_bytes(), "234");
    let tail = get().range("bytes=-3").send().await.expect("the tail");
    assert_eq!(tail.body.collect().await.expect("the body").into_bytes(), "789");
    assert_eq!(get().range("bytes=10-").send().await.expect_err("behind the end").code(), Some("InvalidRange"));
    let etag = get().send().await.expect("got").e_tag.expect("an ETag");
    let unchanged = get().if_none_match(&etag).send().await.expect_err("not modified");
    assert_eq!(unchanged.raw_response().map(|response| response.status().as_u16()), Some(304));
    get().if_match(&etag).send().await.expect("the same");
    let missing = world.client.get_object().bucket(BUCKET).key("nothing").send().await.expect_err("none");
    assert!(missing.into_service_error().is_no_such_key());
    let nowhere = world.client.get_object().bucket("no-such-bucket").key("k").send().await.expect_err("none");
    assert_eq!(nowhere.code(), Some("NoSuchBucket"));
}

#[tokio::test]
async fn listings_have_prefixes_delimiters_and_pages() {
    let world = World::new().await;
    for key in ["a.txt", "b/1", "b/2", "b/c/3", "b.txt", "d/4", "ä", "b0"] {
        world.put(key, "x").await;
    }
    let keys = async |prefix: &str, delimiter: Option<&str>, size: i32| {
        let mut pages =
            world.client.list_objects_v2().bucket(BUCKET).prefix(prefix).set_delimiter(delimiter.map(str::to_owned));
        pages = pages.max_keys(size);
        let (mut found, mut token) = (Vec::new(), None);
        loop {
            let page = pages.clone().set_continuation_token(token).send().await.expect("a page");
            let count = page.contents().len() + page.common_prefixes().len();
            assert!(count <= size as usize && page.key_count() == Some(count as i32));
            let mut names: Vec<_> =
                page.contents().iter().filter_map(|object| object.key().map(str::to_owned)).collect();
            names.extend(page.common_prefixes().iter().filter_map(|common| common.prefix().map(str::to_owned)));
            names.sort_unstable();
            found.extend(names);
            token = page.next_continuation_token;
            if token.is_none() {
                assert_eq!(page.is_truncated, Some(false));
                return found;
            }
        }
    };
    for size in [1, 2, 3, 1_000] {
        assert_eq!(
            keys("", None, size).await,
            ["a.txt", "b.txt", "b/1", "b/2", "b/c/3", "b0", "d/4", "ä"],
            "pages of {size}"
        );
        assert_eq!(keys("", Some("/"), size).await, ["a.txt", "b.txt", "b/", "b0", "d/", "ä"], "pages of {size}");
        assert_eq!(keys("b/", Some("/"), size).await, ["b/1", "b/2", "b/c/"], "pages of {size}");
        assert_eq!(keys("b", None, size).await, ["b.txt", "b/1", "b/2", "b/c/3", "b0"], "pages of {size}");
    }
    assert_eq!(keys("nothing/", None, 10).await, [""; 0]);
    let later = world.client.list_objects_v2().bucket(BUCKET).start_after("b/2").send().await.expect("listed");
    let later: Vec<_> = later.contents().iter().filter_map(|object| object.key()).collect();
    assert_eq!(later, ["b/c/3", "b0", "d/4", "ä"]);
    let listed = world.client.list_objects_v2().bucket(BUCKET).prefix("a").send().await.expect("listed");
    let object = &listed.contents()[0];
    assert_eq!((object.size(), object.e_tag()), (Some(1), Some("\"9dd4e461268c8034f5c8564e155c67a6\"")));
    assert!(object.last_modified().is_some());
}

#[tokio::test]
async fn many_are_deleted_at_once() {
    let world = World::new().await;
    for key in ["a", "b/c", "d & <e>"] {
        world.put(key, "x").await;
    }
    let object = |key: &str| ObjectIdentifier::builder().key(key).build().expect("an object");
    let delete = Delete::builder().objects(object("a")).objects(object("d & <e>")).objects(object("nothing")).build();
    let deleted =
        world.client.delete_objects().bucket(BUCKET).delete(delete.expect("a list")).send().await.expect("deleted");
    assert_eq!(deleted.deleted().len(), 3);
    assert!(deleted.errors().is_empty());
    let left = world.client.list_objects_v2().bucket(BUCKET).send().await.expect("listed");
    assert_eq!(left.contents().iter().filter_map(|object| object.key()).collect::<Vec<_>>(), ["b/c"]);
}

#[tokio::test]
async fn buckets_are_made_listed_and_removed() {
    let world = World::new().await;
    world.client.create_bucket().bucket("another").send().await.expect("made");
    let again = world.client.create_bucket().bucket("another").send().await.expect_err("there");
    assert_eq!(again.code(), Some("BucketAlreadyOwnedByYou"));
    let buckets = world.client.list_buckets().send().await.expect("listed");
    assert_eq!(buckets.buckets().iter().filter_map(|bucket| bucket.name()).collect::<Vec<_>>(), ["another", BUCKET]);
    world.client.head_bucket().bucket("another").send().await.expect("there");
    let location = world.client.get_bucket_location().bucket("another").send().await.expect("somewhere");
    assert_eq!(location.location_constraint().map(|location| location.as_str()), Some("eu-west-1"));
    world.put("k", "v").await;
    let full = world.client.delete_bucket().bucket(BUCKET).send().await.expect_err("not empty");
    assert_eq!(full.code(), Some("BucketNotEmpty"));
    world.client.delete_bucket().bucket("another").send().await.expect("removed");
    assert!(world.client.head_bucket().bucket("another").send().await.is_err());
}

#[tokio::test]
async fn an_object_is_copied() {
    let world = World::new().await;
    world
        .client
        .put_object()
        .bucket(BUCKET)
        .key("a b")
        .metadata("x", "1")
        .body(ByteStream::from_static(b"v"))
        .send()
        .await
        .expect("put");
    let copy = || world.client.copy_object().bucket(BUCKET).key("c").copy_source(format!("{BUCKET}/a%20b"));
    copy().send().await.expect("copied");
    assert_eq!(world.get("c").await.as_deref(), Some("v"));
    copy().metadata_directive(MetadataDirective::Replace).metadata("x", "2").send().await.expect("copied");
    let head = world.client.head_object().bucket(BUCKET).key("c").send().await.expect("there");
    assert_eq!(head.metadata().and_then(|own| own.get("x")).map(String::as_str), Some("2"));
}

#[tokio::test]
async fn a_large_object_is_uploaded_in_parts() {
    let world = World::new().await;
    let begun = world
        .client
        .create_multipart_upload()
        .bucket(BUCKET)
        .key("big")
        .content_type("x/y")
        .send()
        .await
        .expect("begun");
    let id = begun.upload_id().expect("an id");
    let mut parts = Vec::new();
    for (number, body) in [(2, vec![2; 10]), (1, vec![1; 5 * 1024 * 1024])] {
        let part = world.client.upload_part().bucket(BUCKET).key("big").upload_id(id).part_number(number);
        let part = part.body(body.into()).send().await.expect("a part");
        parts.push(CompletedPart::builder().part_number(number).set_e_tag(part.e_tag).build());
    }
    let listed = world.client.list_parts().bucket(BUCKET).key("big").upload_id(id).send().await.expect("listed");
    assert_eq!(listed.parts().iter().filter_map(|part| part.size()).collect::<Vec<_>>(), [5 * 1024 * 1024, 10]);
    assert_eq!(world.get("big").await, None, "not before it is completed");
    let complete = |parts: Vec<CompletedPart>| {
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        world.client.complete_multipart_upload().bucket(BUCKET).key("big").upload_id(id).multipart_upload(parts).send()
    };
    assert_eq!(complete(parts.clone()).await.expect_err("the wrong order").code(), Some("InvalidPartOrder"));
    parts.reverse();
    let done = complete(parts.clone()).await.expect("completed");
    assert!(done.e_tag().is_some_and(|etag| etag.ends_with("-2\"")), "{done:?}");
    let head = world.client.head_object().bucket(BUCKET).key("big").send().await.expect("there");
    assert_eq!(
        (head.content_length(), head.content_type(), head.e_tag()),
        (Some(5 * 1024 * 1024 + 10), Some("x/y"), done.e_tag())
    );
    assert_eq!(complete(parts).await.expect_err("over").code(), Some("NoSuchUpload"));
    let begun = world.client.create_multipart_upload().bucket(BUCKET).key("other").send().await.expect("begun");
    let abort =
        world.client.abort_multipart_upload().bucket(BUCKET).key("other").upload_id(begun.upload_id().expect("an id"));
    abort.clone().send().await.expect("given up");
    assert_eq!(abort.send().await.expect_err("over").code(), Some("NoSuchUpload"));
}
