use serde_json::json;
use testkit::delivered;

use crate::app::{App, buy, get, id_of, paid, partner, post};

#[tokio::test]
async fn a_purchase_is_its_buyers_and_staff_see_all_but_the_code() {
    let app = App::start().await;
    let account = app.account("alice", "20.00").await;
    app.send(buy("alice", "k", &account)).await;
    let id = id_of("alice", "k");
    app.clock.advance_seconds(7);
    app.settle(&id, &delivered("ABC-1")).await;

    let own = app.send(get(&id).caller("alice", "")).await;
    assert_eq!(own.told(), "200 delivered");
    assert_eq!(own.body["code"], "ABC-1");
    assert_eq!(own.body["message"], "Your voucher code is ready.");
    assert_eq!(own.body["delivered_at"], json!("2026-11-21T10:00:07.000Z"));
    let staff = app.send(get(&id).caller("clerk", "staff")).await;
    assert_eq!((staff.told().as_str(), staff.body.get("code")), ("200 delivered", None));
    assert_eq!(staff.body["account_id"], json!(account.id));
    // As staff, but his own.
    let own = app.send(get(&id).caller("alice", "staff")).await;
    assert_eq!(own.body["code"], "ABC-1");

    let unknown = app.send(get(&id_of("alice", "other")).caller("bob", "")).await;
    for stranger in [get(&id).caller("bob", ""), get(&id).claims(partner("pos"))] {
        let stranger = app.send(stranger).await;
        assert_eq!((stranger.told().as_str(), &stranger.body), ("404 not_found", &unknown.body));
    }
}

#[tokio::test]
async fn a_partner_sees_its_own_purchases_only() {
    let app = App::start().await;
    let bought = app.send(post("k", &paid("p-1")).claims(partner("pos"))).await;
    app.settle(&bought.id(), &delivered("P-1")).await;
    let own = app.send(get(&bought.id()).claims(partner("pos"))).await;
    assert_eq!((own.told().as_str(), own.body["code"].as_str()), ("200 delivered", Some("P-1")));
    assert_eq!(app.told(get(&bought.id()).claims(partner("kiosk"))).await, "404 not_found");
    assert_eq!(app.told(get(&bought.id()).caller("pos", "")).await, "404 not_found");
    let staff = app.send(get(&bought.id()).caller("clerk", "admins")).await;
    assert_eq!((staff.body.get("code"), staff.body["payment_reference"].as_str()), (None, Some("p-1")));
}
