//! Health, documentation, and the browser's questions.

use http::Method;
use serde_json::Value;

use crate::app::journey;

#[test]
fn health_names_every_service() {
    journey(|app| async move {
        let health = app.public(Method::GET, "/health", Value::Null).await.expect(200);
        assert_eq!(health.text("status"), "healthy");
        let services = health.body["services"].as_object().expect("services");
        assert!(
            services.len() >= 3 && services.values().all(|service| service["status"] == "healthy"),
            "{}",
            health.text
        );
    });
}

#[test]
fn the_contract_and_its_page_are_served() {
    journey(|app| async move {
        let contract = app.public(Method::GET, "/openapi.json", Value::Null).await.expect(200);
        assert!(contract.text("openapi").starts_with("3.1"));
        assert!(contract.body["paths"]["/transfers"]["post"].is_object());
        let page = app.public(Method::GET, "/docs", Value::Null).await.expect(200);
        assert!(page.text.contains("swagger") || page.text.contains("Swagger"), "{}", page.text);
        for file in page.text.split('"').filter(|part| part.ends_with(".js") || part.ends_with(".css")) {
            let file = file.trim_start_matches("./").trim_start_matches("docs/").rsplit('/').next().unwrap_or_default();
            let served = app.public(Method::GET, &format!("/docs/{file}"), Value::Null).await;
            assert_eq!(served.status.as_u16(), 200, "{file}");
        }
    });
}

#[test]
fn browsers_may_ask_before_they_call() {
    journey(|app| async move {
        let headers = [("origin", "http://localhost:5173"), ("access-control-request-method", "POST")];
        let answer = app.http.send(Method::OPTIONS, "/transfers", &headers, "").await.expect("an answer");
        assert!(answer.status.is_success());
        let allowed = answer.headers["access-control-allow-headers"].to_str().expect("text").to_lowercase();
        for header in ["authorization", "content-type", "idempotency-key", "if-match", "prefer"] {
            assert!(allowed.contains(header), "{allowed}");
        }
        // Without this header on a refusal a browser shows a network error instead of the problem.
        let refused = app.public(Method::GET, "/accounts", Value::Null).await.expect(401);
        assert!(refused.headers.contains_key("access-control-allow-origin"));
    });
}
