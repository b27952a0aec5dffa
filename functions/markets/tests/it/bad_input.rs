use crate::app::App;

#[tokio::test]
async fn what_does_not_parse_is_refused_and_what_does_not_exist_is_not_found() {
    let app = App::start().await;
    for (path, status, code) in [
        ("/markets/ETH-USD/book", 404, "not_found"),
        ("/markets/btc/ticker", 404, "not_found"),
        ("/markets/BTC-USD/book?depth=0", 400, "invalid_parameter"),
        ("/markets/BTC-USD/book?depth=501", 400, "invalid_parameter"),
        ("/markets/BTC-USD/book?depth=x", 400, "invalid_parameter"),
        ("/markets/BTC-USD/book?levels=5", 400, "invalid_parameter"),
        ("/markets/BTC-USD/trades?limit=201", 400, "invalid_parameter"),
        ("/markets/BTC-USD/trades?limit=-1", 400, "invalid_parameter"),
        ("/markets/BTC-USD/candles?interval=2m", 400, "invalid_parameter"),
        ("/markets/BTC-USD/candles?limit=1001", 400, "invalid_parameter"),
        ("/markets/BTC-USD/candles?from=yesterday", 400, "invalid_parameter"),
        ("/markets/BTC-USD/candles?to=1", 400, "invalid_parameter"),
        ("/markets/BTC-USD/ticker?x=1", 400, "invalid_parameter"),
        ("/markets?limit=1", 400, "invalid_parameter"),
    ] {
        let reply = app.get(path).await;
        assert_eq!((reply.status, reply.body["code"].as_str()), (status, Some(code)), "{path}");
    }
}
