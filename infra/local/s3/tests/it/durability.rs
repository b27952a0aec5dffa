//! What survives: restarts, files put there by others, writers that are cut off.

use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_s3::primitives::ByteStream;

use crate::world::{BUCKET, World};

#[tokio::test]
async fn objects_and_what_is_known_of_them_outlive_the_process() {
    let world = World::new().await;
    let put = world.client.put_object().bucket(BUCKET).key("k").metadata("x", "1").body(ByteStream::from_static(b"v"));
    let etag = put.send().await.expect("put").e_tag;
    let begun = world.client.create_multipart_upload().bucket(BUCKET).key("big").send().await.expect("begun");
    let id = begun.upload_id.expect("an id");
    let world = world.again().await;
    let head = world.client.head_object().bucket(BUCKET).key("k").send().await.expect("there");
    assert_eq!((head.e_tag, head.metadata.and_then(|own| own.get("x").cloned())), (etag, Some("1".to_owned())));
    world.client.list_parts().bucket(BUCKET).key("big").upload_id(&id).send().await.expect("still under way");
}

#[tokio::test]
async fn a_file_that_somebody_puts_there_is_an_object() {
    let world = World::new().await;
    let folder = world.folder.join(BUCKET).join("tables");
    std::fs::create_dir_all(&folder).expect("made");
    std::fs::write(folder.join("a"), "hello").expect("written");
    let head = world.client.head_object().bucket(BUCKET).key("tables/a").send().await.expect("there");
    assert_eq!(head.e_tag(), Some("\"5d41402abc4b2a76b9719d911017c592\""));
    // Changed behind our back: what was known of the file before is not told of the new one.
    std::fs::write(folder.join("b"), "other").expect("written");
    std::fs::rename(folder.join("b"), folder.join("a")).expect("replaced");
    let listed = world.client.list_objects_v2().bucket(BUCKET).send().await.expect("listed");
    assert_eq!(listed.contents()[0].e_tag(), Some("\"795f3202b17cb6bc3d4b771d8c6c9eaf\""));
}

#[tokio::test]
async fn what_a_killed_process_left_half_written_is_gone() {
    let world = World::new().await;
    std::fs::write(world.folder.join(".incoming/half"), "ha").expect("written");
    let world = world.again().await;
    assert_eq!(std::fs::read_dir(world.folder.join(".incoming")).expect("the folder").count(), 0);
    assert!(world.client.list_objects_v2().bucket(BUCKET).send().await.expect("listed").contents().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reader_sees_one_version_whole_while_it_is_replaced() {
    let world = World::new().await;
    world.put("k", "a").await;
    let done = std::sync::Arc::new(AtomicBool::new(false));
    let (client, ended) = (world.client.clone(), done.clone());
    let writer = tokio::spawn(async move {
        for round in 0..60 {
            let body = vec![b'a' + round % 26; 20_000];
            client.put_object().bucket(BUCKET).key("k").body(body.into()).send().await.expect("put");
        }
        ended.store(true, Ordering::Relaxed);
    });
    let mut reads = 0;
    while !done.load(Ordering::Relaxed) {
        let body = world.get("k").await.expect("always there");
        assert!(body.len() == 1 || body.len() == 20_000, "{}", body.len());
        assert!(body.bytes().all(|byte| Some(byte) == body.bytes().next()));
        reads += 1;
    }
    writer.await.expect("written");
    assert!(reads > 0);
}
