//! GET /wallet and /portfolio.

use domain::{
    Timestamp,
    instrument::{Asset, Instrument},
    order_book::Interval,
    wallet::Valuation,
};
use edge::{
    clock::Clock,
    http::{Answer, Code, Problem, Request, at_decimals, ok},
};
use futures::future::try_join_all;
use rust_decimal::Decimal;
use serde::Serialize;

use crate::{Stores, answers::failed, whose};

/// What a portfolio is counted in when nobody says.
const USUAL_QUOTE: &str = "USD";

#[derive(Serialize)]
struct WalletView {
    assets: Vec<HoldingView>,
}

#[derive(Serialize)]
struct HoldingView {
    asset: Asset,
    free: String,
    locked: String,
}

/// Every asset that was ever in the wallet, by its code.
pub(crate) async fn wallet(stores: &Stores, request: &Request) -> Result<Answer, Problem> {
    let caller = request.person()?;
    request.only_query(&["customer_id"])?;
    let customer = whose(&caller, request)?;
    let wallet = stores.ledger.wallet(&customer).await.map_err(failed)?;
    let assets = wallet.holdings.iter().map(|(asset, holding)| HoldingView {
        asset: asset.clone(),
        free: at_decimals(holding.free, asset.decimals()),
        locked: at_decimals(holding.locked, asset.decimals()),
    });
    ok(&WalletView { assets: assets.collect() })
}

#[derive(Serialize)]
struct PortfolioView {
    positions: Vec<PositionView>,
    quote_currency: Asset,
}

#[derive(Serialize)]
struct PositionView {
    asset: Asset,
    quantity: String,
    average_cost: Option<String>,
    last_price: Option<String>,
    market_value: Option<String>,
    unrealised_pnl: Option<String>,
    realised_pnl: String,
}

/// What is owned of each asset that is traded for the quote currency. The last price is the close of the newest hourly
/// candle: that of the last trade that is settled, however long ago.
pub(crate) async fn portfolio(stores: &Stores, clock: &impl Clock, request: &Request) -> Result<Answer, Problem> {
    let caller = request.person()?;
    request.only_query(&["customer_id", "quote_currency"])?;
    let quote = Asset::parse(request.query("quote_currency").unwrap_or(USUAL_QUOTE)).ok_or_else(|| {
        let detail = "must be the code of an asset such as USD";
        Problem::field(Code::UnsupportedCurrency, "quote_currency", detail)
    })?;
    let customer = whose(&caller, request)?;
    let (wallet, instruments) = tokio::join!(stores.ledger.wallet(&customer), stores.warm.instruments());
    let (wallet, instruments) = (wallet.map_err(failed)?, instruments.map_err(failed)?);
    let now = clock.now();
    let owned = instruments
        .iter()
        .map(|stored| &stored.instrument)
        .filter(|instrument| *instrument.quote() == quote && !wallet.holding(instrument.base()).total().is_zero());
    let positions = owned.map(async |instrument| {
        let price = last_price(stores, instrument, now).await?;
        let held = wallet.holding(instrument.base()).total();
        let value = wallet.position(instrument.symbol()).value(held, price, quote.decimals());
        Ok::<_, Problem>(PositionView::new(instrument, price, &value))
    });
    let positions = try_join_all(positions).await?;
    ok(&PortfolioView { positions, quote_currency: quote })
}

async fn last_price(stores: &Stores, instrument: &Instrument, now: Timestamp) -> Result<Option<Decimal>, Problem> {
    let first = Timestamp::from_millis(0);
    let newest = stores.exchange().candles(instrument.symbol(), Interval::OneHour, first, now, 1).await;
    Ok(newest.map_err(failed)?.last().map(|candle| instrument.price(candle.close)))
}

impl PositionView {
    fn new(instrument: &Instrument, price: Option<Decimal>, value: &Valuation) -> Self {
        let decimals = instrument.quote().decimals();
        let money = |amount: Decimal| at_decimals(amount, decimals);
        Self {
            asset: instrument.base().clone(),
            quantity: at_decimals(value.quantity, instrument.base().decimals()),
            average_cost: value.average_cost.map(|cost| at_decimals(cost, decimals + 4)),
            last_price: price.map(|price| price.to_string()),
            market_value: value.market_value.map(money),
            unrealised_pnl: value.unrealised.map(money),
            realised_pnl: money(value.realised),
        }
    }
}
