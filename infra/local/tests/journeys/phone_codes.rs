//! Codes by SMS: who has the phone sees what was bought for it, once per code.

use std::sync::{Arc, Mutex};

use futures::{StreamExt, stream};
use http::Method;
use local::Log;
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    app::{Answer, App, alone, journey},
    shop::{PRODUCT, until},
};

/// Asks for a code.
async fn ask(app: &App, phone: &str) -> Answer {
    app.public(Method::POST, "/phone-codes", json!({"phone": phone})).await
}

/// Shows the phone's vouchers to who has the code.
async fn search(app: &App, phone: &str, code: &str) -> Answer {
    app.public(Method::POST, "/vouchers/search", json!({"phone": phone, "code": code})).await
}

/// The code in an SMS.
fn code_in(sms: &str) -> String {
    let is_code =
        |word: &&str| word.len() == 6 && word.bytes().all(|byte| b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789".contains(&byte));
    let words = || sms.split(|letter: char| !letter.is_ascii_alphanumeric());
    words().find(is_code).unwrap_or_else(|| panic!("no code in {sms:?}")).to_owned()
}

/// Asks for a code and reads it on the phone, which has got so many SMS by then.
async fn code(app: &App, phone: &str, sms: usize) -> String {
    ask(app, phone).await.expect(202);
    code_in(&app.sms_after(phone, sms).await[sms - 1])
}

/// Generation and state of a phone's code, as the table has it.
async fn row(app: &App, phone: &str) -> (String, String) {
    let item = item(app, phone).await;
    let text = |name: &str, kind: &str| item[name][kind].as_str().unwrap_or_default().to_owned();
    (text("generation", "N"), text("status", "S"))
}

async fn expires_at(app: &App, phone: &str) -> OffsetDateTime {
    let item = item(app, phone).await;
    OffsetDateTime::parse(item["expires_at"]["S"].as_str().expect("a time"), &Rfc3339).expect("a time")
}

async fn item(app: &App, phone: &str) -> Value {
    let table = app.runner.stack().tables().iter().find(|table| table.logical_id == "PhonesTable").expect("the table");
    let key = json!({"pk": {"S": format!("phone#{phone}")}, "sk": {"S": "code"}});
    let get = json!({"TableName": table.name, "Key": key, "ConsistentRead": true});
    let row = app.aws("DynamoDB_20120810.GetItem", "application/x-amz-json-1.0", get).await.expect(200).body;
    row["Item"].clone()
}

/// A Florin whose codes live for so many seconds.
async fn short_lived(seconds: &str) -> App {
    App::start(|config| {
        for (name, value) in [
            ("PhoneCodeSeconds", seconds),
            ("PhoneCodesPerAddress", "1000"),
            ("PhoneSearchesPerAddress", "1000"),
            ("WorkerVisibility", "2"),
        ] {
            config.parameters.insert(name.to_owned(), value.to_owned());
        }
    })
    .await
}

#[test]
fn a_code_opens_a_phones_vouchers_once() {
    journey(|app| async move {
        let admin = app.employ("codes.admin", "admins").await;
        app.stock(&admin, PRODUCT, "5.00").await;
        let ana = app.sign_up("ana.codes").await;
        let account = ana.open("USD", "20").await;
        let phone = "+51901100001";
        let bought = ana.buy("k", &account, phone, Some(20)).await.expect(201);
        let partner = app.partner().await;
        let paid = partner.buy("codes", phone, "codes-1", &[("prefer", "wait=20")]).await.expect(201);

        let first = code(app, phone, 1).await;
        // A live code is not sent again, and the answer does not tell.
        ask(app, phone).await.expect(202);
        let (live, unheard) = (row(app, phone).await, search(app, "+51901100002", &first).await);
        assert_eq!((live.0.as_str(), live.1.as_str()), ("1", "live"));
        assert_eq!(unheard.told(), "422 invalid_phone_code");
        let found = search(app, phone, &first.to_lowercase()).await.expect(200);
        let mut shown: Vec<&str> =
            found.body["items"].as_array().expect("items").iter().filter_map(|item| item["code"].as_str()).collect();
        let (one, other) = (bought.text("code"), paid.text("code"));
        let mut expected = [one.as_str(), other.as_str()];
        shown.sort_unstable();
        expected.sort_unstable();
        assert_eq!(shown, expected);
        // Nothing of who paid.
        for word in ["account_id", "acc_", "payment_reference", "codes-1"] {
            assert!(!found.text.contains(word), "{word}");
        }
        assert_eq!(search(app, phone, &first).await.told(), "422 invalid_phone_code");
        // Used up: the next is another one, and the five of this hour count.
        let second = code(app, phone, 2).await;
        search(app, phone, &second).await.expect(200);
        assert_eq!(app.sms(phone).await.len(), 2);
    });
}

#[test]
fn nonsense_is_no_code_and_no_phone() {
    journey(|app| async move {
        let phone = "+51901200001";
        let right = code(app, phone, 1).await;
        let full_width: String =
            right.chars().filter_map(|letter| char::from_u32(u32::from(letter) + 0xfee0)).collect();
        for (wrong, expected) in [
            (json!(right[..5]), "422 invalid_phone_code"),
            (json!(format!("{right}A")), "422 invalid_phone_code"),
            (json!(format!(" {right}")), "422 invalid_phone_code"),
            (json!(full_width), "422 invalid_phone_code"),
            (json!("x".repeat(10_000)), "422 invalid_phone_code"),
            (json!(""), "422 invalid_phone_code"),
            (json!(234_567), "400 invalid_field"),
            (json!(null), "400 invalid_field"),
            (json!([right]), "400 invalid_field"),
        ] {
            let body = json!({"phone": phone, "code": wrong});
            let answer = app.public(Method::POST, "/vouchers/search", body).await;
            assert_eq!(answer.told(), expected, "{wrong}: {}", answer.text);
        }
        for wrong in [
            json!("51901200001"),
            json!("+5190120000١"),
            json!("＋51901200001"),
            json!(51_901_200_001_i64),
            json!(null),
        ] {
            for (path, body) in [
                ("/phone-codes", json!({"phone": wrong})),
                ("/vouchers/search", json!({"phone": wrong, "code": right})),
            ] {
                let answer = app.public(Method::POST, path, body).await;
                assert_eq!(answer.told(), "400 invalid_field", "{path} {wrong}: {}", answer.text);
            }
        }
        // What cannot be a code was no try: the right one still opens.
        search(app, phone, &right).await.expect(200);
    });
}

#[test]
fn a_code_dies_in_time_though_its_timer_is_late_or_lost_and_a_newer_one_outlives_it() {
    alone(async {
        let app = short_lived("2").await;
        let phone = "+51901300001";
        // On time: the chain of timers clears the row.
        let first = code(&app, phone, 1).await;
        until("the first code is cleared", async || (row(&app, phone).await.1 == "expired").then_some(())).await;
        assert_eq!(search(&app, phone, &first).await.told(), "422 invalid_phone_code");
        // Late: the row says live, and the code is dead all the same.
        app.pause("auth-code-timer", true).await;
        let second = code(&app, phone, 2).await;
        until("the second code's timer is due", async || (app.depth("auth-code-timer").await == (1, 0)).then_some(()))
            .await;
        assert_eq!(row(&app, phone).await, ("2".to_owned(), "live".to_owned()));
        assert_eq!(search(&app, phone, &second).await.told(), "422 invalid_phone_code");
        // A newer code, while the older one's timer is still on its way; and that timer once more, from nowhere.
        app.pause("auth-code-timer-expired", true).await;
        app.pause("auth-code-timer", false).await;
        until("the late timer waits", async || (app.depth("auth-code-timer-expired").await.0 == 1).then_some(())).await;
        let stale = json!({"phone": phone, "generation": 2, "expires_at": "2026-11-21T10:00:00Z"}).to_string();
        app.put_message("auth-code-timer-expired", &stale).await;
        app.pause("auth-code-timer", true).await;
        let third = code(&app, phone, 3).await;
        app.pause("auth-code-timer-expired", false).await;
        until("the late timers are through", async || {
            (app.depth("auth-code-timer-expired").await == (0, 0)).then_some(())
        })
        .await;
        assert_eq!(row(&app, phone).await, ("3".to_owned(), "live".to_owned()));
        let shown = search(&app, phone, &third).await;
        // On a machine that took two seconds for this it may have died of age, never of the timer.
        assert!(["200 ", "422 invalid_phone_code"].contains(&shown.told().as_str()), "{}", shown.text);
        assert!(["live", "used"].contains(&row(&app, phone).await.1.as_str()));
        // Lost: no timer ever comes, and time alone ends the code. A dead one is replaced, not reused.
        let fourth = code(&app, phone, 4).await;
        until("the timers are lost", async || {
            (app.messages("auth-code-timer").await.iter().any(|timer| timer.contains("\"generation\":4"))).then_some(())
        })
        .await;
        until("the fourth code is too old", async || {
            let seconds = expires_at(&app, phone).await - OffsetDateTime::now_utc();
            seconds.is_negative().then_some(())
        })
        .await;
        assert_eq!(row(&app, phone).await, ("4".to_owned(), "live".to_owned()));
        assert_eq!(search(&app, phone, &fourth).await.told(), "422 invalid_phone_code");
        assert_ne!(code(&app, phone, 5).await, fourth);
        app.runner.shutdown().await;
    });
}

#[test]
fn nobody_gets_more_codes_than_the_limits_allow() {
    alone(async {
        let app = App::start(|config| {
            for (name, value) in [("PhoneCodesPerPhone", "3"), ("PhoneCodesPerAddress", "8")] {
                config.parameters.insert(name.to_owned(), value.to_owned());
            }
        })
        .await;
        let phone = "+51901400001";
        for count in 1..=3 {
            let code = code(&app, phone, count).await;
            search(&app, phone, &code).await.expect(200);
        }
        let limited = ask(&app, phone).await;
        assert_eq!(limited.told(), "429 rate_limited");
        let seconds: u64 = limited.headers["retry-after"].to_str().expect("text").parse().expect("seconds");
        assert!((3_500..=3_600).contains(&seconds), "{seconds}");
        // A crowd from this address for phones of its own: five of them are left, however they come.
        let told: Vec<u16> = stream::iter(0..40)
            .map(|index| {
                let app = &app;
                async move { ask(app, &format!("+5190141{index:04}")).await.status.as_u16() }
            })
            .buffer_unordered(16)
            .collect()
            .await;
        assert_eq!(told.iter().filter(|status| **status == 202).count(), 5, "{told:?}");
        assert!(told.iter().all(|status| matches!(status, 202 | 429)), "{told:?}");
        until("the SMS are out", async || (app.depth("sms").await == (0, 0)).then_some(())).await;
        assert_eq!(app.all_sms().await.values().map(Vec::len).sum::<usize>(), 8);
        app.runner.shutdown().await;
    });
}

#[test]
fn guesses_in_a_crowd_never_open_anything_and_end_the_code_after_five() {
    alone(async {
        let app = short_lived("600").await;
        let phone = "+51901500001";
        let right = code(&app, phone, 1).await;
        let guess = |index: usize| {
            let letters = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
            let guess: String = (0..6).map(|place| char::from(letters[(index >> (5 * place)) & 31])).collect();
            if guess == right { "999999".to_owned() } else { guess }
        };
        let told: Vec<String> = stream::iter(0..400)
            .map(|index| {
                let (app, guess) = (&app, guess(index));
                async move { search(app, phone, &guess).await.told() }
            })
            .buffer_unordered(32)
            .collect()
            .await;
        // A crowd from one address may also be told to come again: each request is counted before it is looked at.
        let refused = |told: &String| told == "422 invalid_phone_code" || told == "429 rate_limited";
        assert!(told.iter().all(refused), "{told:?}");
        let tries = told.iter().filter(|told| *told == "422 invalid_phone_code").count();
        assert!(tries >= 5, "the limits let too few through to show anything: {tries}");
        // Five wrong tries have ended it, for its owner as well.
        assert_eq!(search(&app, phone, &right).await.told(), "422 invalid_phone_code");
        // A crowd with the right code: one of them gets in.
        let right = code(&app, phone, 2).await;
        let told: Vec<u16> = stream::iter(0..60)
            .map(|_| {
                let (app, right) = (&app, &right);
                async move { search(app, phone, right).await.status.as_u16() }
            })
            .buffer_unordered(32)
            .collect()
            .await;
        assert_eq!(told.iter().filter(|status| **status == 200).count(), 1, "{told:?}");
        app.runner.shutdown().await;
    });
}

#[test]
fn the_logs_hold_no_code_no_voucher_no_number_and_no_token() {
    alone(async {
        let lines = Arc::new(Mutex::new(Vec::<String>::new()));
        let sink = lines.clone();
        let app = App::start(|config| {
            config.log = Log::new(Some(Arc::new(move |line: local_lambda::LogLine| {
                sink.lock().expect("a lock").push(format!("{} {}", line.function, line.text));
            })));
            config.parameters.insert("WorkerVisibility".to_owned(), "1".to_owned());
            config.parameters.insert("VoucherOrderVisibility".to_owned(), "1".to_owned());
        })
        .await;
        let admin = app.employ("admin.log", "admins").await;
        app.stock(&admin, PRODUCT, "5.00").await;
        let ana = app.sign_up("ana.log").await;
        let account = ana.open("USD", "100").await;
        let partner = app.partner().await;
        let phones = ["+51901600001", "+51901600002", "+51901600003"];
        app.supplier(json!({"phone": phones[1], "mode": "error"})).await;
        app.supplier(json!({"phone": phones[2], "mode": "twice"})).await;
        let mut secrets = vec![ana.token().to_owned(), admin.token().to_owned(), partner.token.clone()];
        for (index, phone) in phones.iter().enumerate() {
            ana.buy(&format!("w{index}"), &account, phone, Some(20)).await.expect(201);
            ana.buy(&format!("s{index}"), &account, phone, None).await.expect(202);
            partner.buy(&format!("p{index}"), phone, &format!("log-{index}"), &[]).await.expect(202);
            app.sms_after(phone, 2).await;
            let code = code(&app, phone, 3).await;
            search(&app, phone, "ABCDEF").await.expect(422);
            search(&app, phone, &code).await.expect(200);
            secrets.push(code);
        }
        // What is wrong is told without being quoted.
        let poison = [
            json!({"voucher_id": format!("vch_{}", "0".repeat(26))}).to_string(),
            json!({"message_id": "x", "to": "+51901600009", "text": "SECRETTEXT", "more": 1}).to_string(),
            json!({"message_id": "x", "to": "51901600009", "text": "SECRETTEXT"}).to_string(),
            json!({"phone": "+51901600009", "generation": "SECRETTEXT"}).to_string(),
            json!({"voucher_id": ana.voucher("w0").as_str(), "outcome": {"status": "delivered", "code": "SECRET TEXT"}}).to_string(),
            json!({"voucher_id": ana.voucher("w0").as_str(), "outcome": {"status": "delivered", "code": "SECRETTEXT"}}).to_string(),
        ];
        for queue in ["voucher-order", "voucher-order-result", "sms", "auth-code-timer", "auth-code-timer-expired"] {
            for body in &poison {
                app.put_message(queue, body).await;
            }
        }
        app.public(Method::POST, "/phone-codes", json!({"phone": "51901600009"})).await.expect(400);
        app.public(Method::POST, "/vouchers/search", json!({"phone": "+51901600009", "code": "SECRETTEXT"}))
            .await
            .expect(422);
        until("the poison is dead", async || {
            for queue in ["voucher-order", "voucher-order-result", "sms", "auth-code-timer-expired"] {
                if app.depth(queue).await != (0, 0) {
                    return None;
                }
            }
            Some(())
        })
        .await;
        let orders = app.supplier_orders().await;
        secrets.extend(orders.values().filter_map(|order| order["code"].as_str()).map(str::to_owned));
        assert!(secrets.len() > 3 + 3 + 3, "{}", secrets.len());
        // Numbers in any spelling, and words of bodies.
        secrets.extend(phones.iter().map(|phone| phone[1..].to_owned()));
        secrets.extend(["51901600009", "SECRET", "Secret-word-1", "ana.log@example.com"].map(str::to_owned));
        app.runner.shutdown().await;
        let lines = lines.lock().expect("a lock");
        for function in ["vouchers", "vouchers-order", "vouchers-settle", "phone-codes", "codes-timer", "sms-send"] {
            let of_it = format!("florin-{function} {{");
            assert!(lines.iter().any(|line| line.starts_with(&of_it)), "{function} has said nothing");
        }
        for line in lines.iter() {
            for secret in &secrets {
                assert!(!line.contains(secret.as_str()), "{secret} in: {line}");
            }
        }
    });
}
