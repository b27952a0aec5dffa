//! What traders do at random.

use serde_json::{Value, json};

use crate::{
    exchange_floor::{limit, market, with},
    exchange_world::TRADERS,
};

/// What a client does.
#[derive(Clone, Debug)]
pub enum What {
    Place(Value),
    /// Takes back what was placed by the deed of this index.
    Cancel(usize),
    Replace(usize, Value),
}

#[derive(Clone, Debug)]
pub struct Deed {
    pub key: String,
    pub trader: usize,
    pub symbol: usize,
    pub what: What,
    pub wait: Option<u32>,
    /// Whether the client asks again until it is answered.
    pub insists: bool,
}

/// What everybody does, in this order as far as eight at once keep one.
pub fn deeds(random: &mut fastrand::Rng, seed: u64, count: usize, symbols: usize) -> Vec<Deed> {
    let mut deed = |index: usize| {
        let (trader, symbol) = (random.usize(..TRADERS.len()), random.usize(..symbols));
        let of = random.usize(..index.max(1));
        let what = match random.u8(..100) {
            0..12 if index > 0 => What::Cancel(of),
            12..18 if index > 0 => What::Replace(of, replacement(random)),
            _ => What::Place(wish(random)),
        };
        let wait = (random.u8(..3) == 0).then(|| random.u32(1..3));
        let insists = random.u8(..10) > 0;
        (trader, symbol, of, what, wait, insists)
    };
    let mut deeds: Vec<Deed> = Vec::new();
    for index in 0..count {
        let (mut trader, mut symbol, of, what, wait, insists) = deed(index);
        if !matches!(what, What::Place(_)) {
            (trader, symbol) = (deeds[of].trader, deeds[of].symbol);
        }
        deeds.push(Deed { key: format!("{seed} {index}"), trader, symbol, what, wait, insists });
    }
    deeds
}

/// With a moment in the place of the seconds after which an order ends.
pub fn dated(deed: &Deed) -> Deed {
    let mut deed = deed.clone();
    if let What::Place(wish) = &mut deed.what
        && let Some(seconds) = wish["expires_at"].as_i64()
    {
        let moment = time::OffsetDateTime::now_utc() + time::Duration::seconds(seconds);
        let moment = moment.format(&time::format_description::well_known::Rfc3339).expect("a moment");
        wish["expires_at"] = json!(moment);
    }
    deed
}

fn price(random: &mut fastrand::Rng) -> String {
    format!("{}.{:02}", random.u32(97..103), random.u32(..100))
}

fn quantity(random: &mut fastrand::Rng) -> String {
    format!("{}.{:03}", random.u32(..3), random.u32(20..1000))
}

fn side(random: &mut fastrand::Rng) -> &'static str {
    if random.bool() { "buy" } else { "sell" }
}

fn replacement(random: &mut fastrand::Rng) -> Value {
    let mut wish = limit("", side(random), &quantity(random), &price(random));
    wish.as_object_mut().expect("a wish").remove("symbol");
    wish
}

fn wish(random: &mut fastrand::Rng) -> Value {
    let resting = limit("", side(random), &quantity(random), &price(random));
    let by_amount = json!({"side": "buy", "type": "market", "quote_quantity": format!("{}.50", random.u32(1..300))});
    let order = match random.u8(..20) {
        0..11 => resting,
        11 => with(resting, json!({"time_in_force": "ioc"})),
        12 => with(resting, json!({"time_in_force": "fok"})),
        13 => with(resting, json!({"post_only": true})),
        // From when it is sent on: see `dated`.
        14 => with(resting, json!({"expires_at": random.i64(1..8)})),
        15 | 16 => with(resting, json!({"type": "stop_limit", "stop_price": price(random)})),
        17 | 18 => market("", side(random), &quantity(random)),
        _ => by_amount,
    };
    let mode = ["expire_taker", "expire_maker", "expire_both"][random.usize(..3)];
    with(order, json!({"self_trade_prevention": mode}))
}
