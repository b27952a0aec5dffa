use local_sqs::Sqs;

use super::*;

struct Bench {
    sns: Sns,
    sqs: Sqs,
    outbox: Outbox,
    folder: tempfile::TempDir,
}

fn bench() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let sqs = Sqs::open(&folder.path().join("sqs.db"), "http://localhost", "000000000000", "eu-central-1").unwrap();
    let outbox = Outbox::open(&folder.path().join("outbox.db")).unwrap();
    let file = folder.path().join("sns.db");
    let sns = Sns::open(&file, "000000000000", "eu-central-1", outbox.clone(), sqs.clone()).unwrap();
    Bench { sns, sqs, outbox, folder }
}

async fn call(bench: &Bench, fields: &[(&str, &str)]) -> (u16, String) {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("Version", "2010-03-31").extend_pairs(fields);
    let response = bench.sns.handle(Request::post("/").body(form.finish().into()).unwrap()).await;
    (response.status().as_u16(), String::from_utf8(response.into_body().to_vec()).unwrap())
}

fn between(xml: &str, name: &str) -> String {
    let (_, rest) = xml.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("no {name} in {xml}"));
    rest.split_once(&format!("</{name}>")).unwrap().0.to_owned()
}

#[tokio::test]
async fn an_sms_lands_in_the_outbox_newest_first_and_stays() {
    let bench = bench();
    for text in ["first", "Ihr Code: 1 & <2> + 3 €"] {
        let (status, body) =
            call(&bench, &[("Action", "Publish"), ("PhoneNumber", "+491701234567"), ("Message", text)]).await;
        assert_eq!(status, 200, "{body}");
        assert_eq!(between(&body, "MessageId").len(), 36);
    }
    bench.outbox.push_mail("a@example.com", "Welcome", "Your code is 123456", Some("123456")).unwrap();
    let reopened = Outbox::open(&bench.folder.path().join("outbox.db")).unwrap();
    let sms = reopened.sms().unwrap();
    assert_eq!(sms.iter().map(|sms| sms.message.as_str()).collect::<Vec<_>>(), ["Ihr Code: 1 & <2> + 3 €", "first"]);
    assert_eq!(sms[0].to, "+491701234567");
    assert!(sms[0].sent_at.len() == 24 && sms[0].sent_at.ends_with('Z'), "{}", sms[0].sent_at);
    let mail = reopened.mail().unwrap();
    assert_eq!((mail.len(), mail[0].code.as_deref()), (1, Some("123456")));
}

#[tokio::test]
async fn what_is_not_a_message_is_refused_with_the_code_of_the_service() {
    let bench = bench();
    let long = "ä".repeat(1_601);
    for (fields, status, code) in [
        (vec![("Action", "Publish"), ("PhoneNumber", "0170 123"), ("Message", "x")], 400, "InvalidParameter"),
        (vec![("Action", "Publish"), ("PhoneNumber", "+0491701234567"), ("Message", "x")], 400, "InvalidParameter"),
        (vec![("Action", "Publish"), ("PhoneNumber", "+4917012345678901"), ("Message", "x")], 400, "InvalidParameter"),
        (vec![("Action", "Publish"), ("PhoneNumber", "+491701234567"), ("Message", "")], 400, "InvalidParameter"),
        (vec![("Action", "Publish"), ("PhoneNumber", "+491701234567"), ("Message", &long)], 400, "InvalidParameter"),
        (vec![("Action", "Publish"), ("Message", "x")], 400, "InvalidParameter"),
        (
            vec![("Action", "Publish"), ("TopicArn", "arn:aws:sns:eu-central-1:000000000000:no"), ("Message", "x")],
            404,
            "NotFound",
        ),
        (vec![("Action", "CreateTopic"), ("Name", "a b")], 400, "InvalidParameter"),
        (vec![("Action", "Dance")], 400, "InvalidAction"),
    ] {
        let (answered, body) = call(&bench, &fields).await;
        assert_eq!((answered, between(&body, "Code").as_str()), (status, code), "{fields:?}");
    }
    assert_eq!(bench.outbox.sms().unwrap(), []);
    let (status, _) =
        call(&bench, &[("Action", "Publish"), ("PhoneNumber", "+491701234567"), ("Message", &long[2..])]).await;
    assert_eq!(status, 200, "1600 characters fit, whatever their bytes");
}

#[tokio::test]
async fn a_topic_passes_messages_on_to_queues_and_phones() {
    let bench = bench();
    bench.sqs.ensure_queue("plain", &Default::default()).unwrap();
    bench.sqs.ensure_queue("raw", &Default::default()).unwrap();
    let (_, body) = call(&bench, &[("Action", "CreateTopic"), ("Name", "alarms")]).await;
    let topic = between(&body, "TopicArn");
    assert_eq!(bench.sns.ensure_topic("alarms").unwrap(), topic);
    let subscribe = [("Action", "Subscribe"), ("TopicArn", topic.as_str()), ("Protocol", "sqs")];
    let plain = [("Endpoint", "arn:aws:sqs:eu-central-1:000000000000:plain")];
    let raw = [
        ("Endpoint", "arn:aws:sqs:eu-central-1:000000000000:raw"),
        ("Attributes.entry.1.key", "RawMessageDelivery"),
        ("Attributes.entry.1.value", "true"),
    ];
    let (_, first) = call(&bench, &[&subscribe[..], &plain].concat()).await;
    let (_, again) = call(&bench, &[&subscribe[..], &plain].concat()).await;
    assert_eq!(between(&first, "SubscriptionArn"), between(&again, "SubscriptionArn"));
    call(&bench, &[&subscribe[..], &raw].concat()).await;
    let phone = [("Action", "Subscribe"), ("TopicArn", &topic), ("Protocol", "sms"), ("Endpoint", "+491701234567")];
    call(&bench, &phone).await;
    let (status, _) = call(
        &bench,
        &[
            ("Action", "Publish"),
            ("TopicArn", &topic),
            ("Subject", "Disk"),
            ("Message", "full"),
            ("MessageAttributes.entry.1.Name", "level"),
            ("MessageAttributes.entry.1.Value.DataType", "String"),
            ("MessageAttributes.entry.1.Value.StringValue", "high"),
        ],
    )
    .await;
    assert_eq!(status, 200);
    let raw = bench.sqs.receive("raw", 1, std::time::Duration::ZERO).await.unwrap().remove(0);
    assert_eq!(raw.body, "full");
    assert_eq!(raw.message_attributes["level"].string_value.as_deref(), Some("high"));
    let plain = bench.sqs.receive("plain", 1, std::time::Duration::ZERO).await.unwrap().remove(0);
    let envelope: serde_json::Value = serde_json::from_str(&plain.body).unwrap();
    assert_eq!(envelope["Type"], "Notification");
    assert_eq!((&envelope["Subject"], &envelope["Message"]), (&json!("Disk"), &json!("full")));
    assert_eq!(envelope["MessageAttributes"]["level"], json!({ "Type": "String", "Value": "high" }));
    assert_eq!(bench.outbox.sms().unwrap()[0].message, "full");
    let (_, listed) = call(&bench, &[("Action", "ListSubscriptionsByTopic"), ("TopicArn", &topic)]).await;
    assert_eq!(listed.matches("<member>").count(), 3);
}
