//! The rules of the book as tables: what happens on the left, what must come of it on the right.
//!
//! Prices are ticks, quantities lots; one lot at one tick is one cent. The maker pays 10 basis points, the taker 20.

use super::*;
use crate::order::{SelfTrade, TimeInForce};

struct Story {
    book: Book,
    names: Vec<String>,
}

fn key(names: &mut Vec<String>, name: &str) -> OrderKey {
    let at = names.iter().position(|known| known == name).unwrap_or_else(|| {
        names.push(name.into());
        names.len() - 1
    });
    OrderKey(at as u128)
}

fn owner(name: &str) -> Owner {
    Owner(name.bytes().fold(0, |all, byte| all << 8 | u128::from(byte)))
}

impl Story {
    /// `a1 alice sell 5 @ 100 ioc`, `a1 alice buy 5 market lock 600`, `a1 alice buy market lock 600`, options behind.
    fn order(&mut self, words: &[&str]) -> PlaceOrder {
        let [name, who, side, rest @ ..] = words else { panic!("no order: {words:?}") };
        let side = Side::parse(side).expect("a side");
        let number = |text: &str| text.parse::<u64>().unwrap_or_else(|_| panic!("no number: {text}"));
        let after = |word: &str| rest.iter().position(|other| *other == word).map(|at| number(rest[at + 1]));
        let has = |word: &str| rest.contains(&word);
        let time_in_force = rest.iter().find_map(|word| TimeInForce::parse(word)).unwrap_or(TimeInForce::Gtc);
        let kind = if has("market") {
            let size = if rest[0] == "market" { Size::Budget } else { Size::Lots(number(rest[0])) };
            Kind::Market { size, all_or_nothing: time_in_force == TimeInForce::Fok }
        } else {
            let (price, quantity) = (after("@").expect("a price"), number(rest[0]));
            let limit = Limit { price, quantity, time_in_force, post_only: has("post_only") };
            after("stop").map_or(Kind::Limit(limit), |stop| Kind::StopLimit { stop, limit })
        };
        let mut order = PlaceOrder {
            id: key(&mut self.names, name),
            owner: owner(who),
            side,
            kind,
            self_trade: rest.iter().find_map(|word| SelfTrade::parse(word)).unwrap_or(SelfTrade::ExpireTaker),
            reserved: 0,
            expires_at: after("until").map(|moment| moment as i64),
        };
        order.reserved = after("lock").or(self.book.terms().required(&order)).expect("a lock");
        order
    }

    fn line(&mut self, line: &str) -> String {
        let words: Vec<&str> = line.split_whitespace().collect();
        let command = match words[..] {
            ["cancel", name, who] => Command::Cancel { order: key(&mut self.names, name), owner: owner(who) },
            ["replace", name, ref with @ ..] => {
                Command::Replace { order: key(&mut self.names, name), with: self.order(with) }
            }
            ["expire", now] => Command::Expire { now: now.parse().expect("a moment") },
            ["halt"] => Command::Halt,
            ["resume"] => Command::Resume,
            ["bids"] => return self.side(Side::Buy),
            ["asks"] => return self.side(Side::Sell),
            ref place => Command::Place(self.order(place)),
        };
        let mut events = Vec::new();
        self.book.apply(&command, &mut events);
        let told: Vec<String> = events.iter().map(|event| self.told(event)).collect();
        told.join(", ")
    }

    fn name(&self, order: OrderKey) -> &str {
        &self.names[order.0 as usize]
    }

    fn side(&self, side: Side) -> String {
        let levels: Vec<_> = self.book.depth(side, 10).map(|(price, lots)| format!("{lots}@{price}")).collect();
        levels.join(" ")
    }

    fn told(&self, event: &Event) -> String {
        match event {
            Event::Opened { order, remaining, .. } => format!("{} open {remaining}", self.name(*order)),
            Event::Dormant { order, .. } => format!("{} untriggered", self.name(*order)),
            Event::Triggered { order, .. } => format!("{} triggered", self.name(*order)),
            Event::Traded(trade) => {
                let (maker, taker) = (&trade.maker, &trade.taker);
                format!(
                    "{}@{} {} fees {}/{}",
                    trade.quantity,
                    trade.price,
                    self.name(maker.order),
                    maker.fee,
                    taker.fee
                )
            }
            Event::Closed { order, status, reason, released, .. } => {
                let reason = reason.map_or(String::new(), |reason| format!(" {}", reason.as_str()));
                format!("{} {}{reason} +{released}", self.name(*order), status.as_str())
            }
            Event::Declined { order, reason } => format!("{} declined {}", self.name(*order), reason.as_str()),
        }
    }
}

fn check(story: &str) {
    let terms = Terms::new(1, 0, 10, 20).expect("terms");
    let mut told = Story { book: Book::new(terms), names: Vec::new() };
    for line in story.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (line, expected) = line.split_once("=>").unwrap_or((line, ""));
        assert_eq!(told.line(line), expected.trim(), "after: {line}");
    }
}

#[test]
fn the_best_price_trades_first_and_at_one_price_who_came_first() {
    check(
        "
        a1 alice sell 5 @ 101        => a1 open 5
        a2 alice sell 5 @ 100        => a2 open 5
        a3 carol sell 5 @ 100        => a3 open 5
        b1 bob buy 7 @ 101           => 5@100 a2 fees 0/1, a2 filled +0, 2@100 a3 fees 0/0, b1 filled +7
        asks                         => 3@100 5@101
        b2 bob buy 10 @ 100          => 3@100 a3 fees 0/1, a3 filled +0, b2 open 7
        bids                         => 7@100
        c1 carol sell 7 @ 90         => 7@100 b2 fees 1/1, b2 filled +0, c1 filled +0
    ",
    );
}

#[test]
fn what_was_locked_for_a_worse_price_comes_back_when_the_order_ends() {
    check(
        "
        a1 alice sell 100 @ 90            => a1 open 100
        b1 bob buy 200 @ 100              => 100@90 a1 fees 9/18, a1 filled +0, b1 open 100
        cancel b1 bob                     => b1 cancelled requested +11022
        cancel b1 bob                     => b1 declined not_open
        cancel x bob                      => x declined not_open
    ",
    );
}

#[test]
fn only_the_owner_cancels_and_an_order_is_placed_once() {
    check(
        "
        a1 alice sell 5 @ 100        => a1 open 5
        cancel a1 bob                => a1 declined not_open
        a1 alice sell 5 @ 100        => a1 declined duplicate
        cancel a1 alice              => a1 cancelled requested +5
        a1 alice sell 5 @ 100        => a1 declined duplicate
        a2 alice buy 5 @ 100 lock 500 => a2 rejected under_reserved +500
    ",
    );
}

#[test]
fn times_in_force() {
    check(
        "
        a1 alice sell 5 @ 100        => a1 open 5
        b1 bob buy 8 @ 100 fok       => b1 expired not_fillable +802
        b2 bob buy 8 @ 99 ioc        => b2 expired no_liquidity +794
        b3 bob buy 8 @ 100 ioc       => 5@100 a1 fees 0/1, a1 filled +0, b3 expired no_liquidity +301
        a2 alice sell 5 @ 100        => a2 open 5
        a3 carol sell 5 @ 101        => a3 open 5
        b4 bob buy 8 @ 101 fok       => 5@100 a2 fees 0/1, a2 filled +0, 3@101 a3 fees 0/1, b4 filled +5
        b5 bob buy 1 @ 101 post_only => b5 rejected would_take +101
        b6 bob buy 1 @ 100 post_only => b6 open 1
        b7 bob buy 1 @ 99 until 50   => b7 open 1
        b8 bob buy 1 @ 98 until 40   => b8 open 1
        expire 39                    =>
        expire 50                    => b8 expired time_over +98, b7 expired time_over +99
    ",
    );
}

#[test]
fn a_market_buy_spends_what_is_locked_for_it_and_no_more() {
    check(
        "
        a1 alice sell 5 @ 100           => a1 open 5
        a2 alice sell 5 @ 200           => a2 open 5
        b1 bob buy 10 market lock 1000  => 5@100 a1 fees 0/1, a1 filled +0, 2@200 a2 fees 0/1, b1 expired reservation_spent +98
        b2 bob buy market lock 450      => 2@200 a2 fees 0/1, b2 filled +49
        b3 bob buy market lock 100      => b3 expired reservation_spent +100
        b4 bob buy 2 market fok lock 900 => b4 expired not_fillable +900
        b5 bob buy 2 market lock 900    => 1@200 a2 fees 0/0, a2 filled +0, b5 expired no_liquidity +700
        b6 bob buy 1 market lock 900    => b6 expired no_liquidity +900
        s1 bob sell 3 market            => s1 expired no_liquidity +3
    ",
    );
}

#[test]
fn nobody_trades_with_himself() {
    check(
        "
        a1 alice sell 5 @ 100                 => a1 open 5
        a2 carol sell 5 @ 100                 => a2 open 5
        b1 alice buy 5 @ 100                  => b1 expired self_trade +501
        b2 alice buy 2 @ 100 ioc skip         => 2@100 a2 fees 0/0, b2 filled +0
        b3 alice buy 6 @ 100 fok skip         => b3 expired not_fillable +601
        b4 alice buy 2 @ 100 expire_maker fok => a1 expired self_trade +5, 2@100 a2 fees 0/0, b4 filled +0
        b5 carol buy 2 @ 100 expire_both      => a2 expired self_trade +1, b5 expired self_trade +200
        a3 alice sell 5 @ 100                 => a3 open 5
        b6 alice buy 6 @ 100 expire_maker fok => b6 expired not_fillable +601
        asks                                  => 5@100
        b7 alice buy 6 @ 100 post_only        => b7 rejected would_take +601
    ",
    );
}

#[test]
fn stops_sleep_until_the_last_price_reaches_them() {
    check(
        "
        a1 alice sell 1 @ 100              => a1 open 1
        s1 dave buy 1 @ 111 stop 110       => s1 untriggered
        s2 dave sell 2 @ 89 stop 90        => s2 untriggered
        b1 bob buy 1 @ 100                 => 1@100 a1 fees 0/0, a1 filled +0, b1 filled +0
        a2 alice sell 1 @ 110              => a2 open 1
        a3 alice sell 1 @ 111              => a3 open 1
        b2 bob buy 1 @ 110                 => 1@110 a2 fees 0/0, a2 filled +0, b2 filled +0, s1 triggered, 1@111 a3 fees 0/0, a3 filled +0, s1 filled +0
        s3 dave buy 1 @ 120 stop 105       => s3 untriggered, s3 triggered, s3 open 1
        cancel s2 dave                     => s2 cancelled requested +2
        cancel s3 dave                     => s3 cancelled requested +120
    ",
    );
}

#[test]
fn stops_that_wake_together_go_nearest_first_then_first_come_and_wake_others() {
    check(
        "
        s1 dave sell 1 @ 80 stop 95        => s1 untriggered
        s2 dave sell 1 @ 80 stop 98        => s2 untriggered
        s3 erin sell 1 @ 80 stop 98        => s3 untriggered
        s4 erin sell 1 @ 80 stop 90        => s4 untriggered
        b1 bob buy 2 @ 95                  => b1 open 2
        b2 bob buy 1 @ 90                  => b2 open 1
        b3 bob buy 1 @ 85                  => b3 open 1
        a1 alice sell 1 @ 95               => 1@95 b1 fees 0/0, a1 filled +0, s2 triggered, 1@95 b1 fees 0/0, b1 filled +0, s2 filled +0, s3 triggered, 1@90 b2 fees 0/0, b2 filled +0, s3 filled +0, s1 triggered, 1@85 b3 fees 0/0, b3 filled +0, s1 filled +0, s4 triggered, s4 open 1
    ",
    );
}

#[test]
fn an_order_is_replaced_or_stays() {
    check(
        "
        a1 alice sell 5 @ 100                        => a1 open 5
        b1 bob buy 5 @ 90                            => b1 open 5
        replace b1 b2 bob buy 5 @ 95                 => b1 cancelled replaced +451, b2 open 5
        replace b1 b3 bob buy 5 @ 96                 => b3 rejected not_open +481
        replace b2 b4 bob buy 5 @ 100 post_only      => b4 rejected would_take +500
        replace b2 b5 bob buy 5 @ 99 lock 1          => b5 rejected under_reserved +1
        replace a1 c1 bob sell 5 @ 99                => c1 rejected not_open +5
        replace a1 a2 alice buy 1 @ 100 post_only    => a1 cancelled replaced +5, a2 open 1
        bids                                         => 1@100 5@95
    ",
    );
}

#[test]
fn a_halted_book_takes_nothing_and_gives_back() {
    check(
        "
        a1 alice sell 5 @ 100        => a1 open 5
        halt                         =>
        b1 bob buy 5 @ 100           => b1 rejected instrument_halted +501
        replace a1 a2 alice sell 5 @ 101 => a2 rejected instrument_halted +5
        cancel a1 alice              => a1 cancelled requested +5
        resume                       =>
        b2 bob buy 5 @ 100           => b2 open 5
    ",
    );
}

#[test]
fn bounds_cut_a_taker_and_keep_stops_for_the_next_command() {
    let mut book = Book::new(Terms::new(1, 0, 0, 0).expect("terms"));
    let mut events = Vec::new();
    let order = |id: u64, owner, side, kind, reserved| {
        let id = OrderKey(id.into());
        let self_trade = SelfTrade::ExpireTaker;
        Command::Place(PlaceOrder { id, owner: Owner(owner), side, kind, self_trade, reserved, expires_at: None })
    };
    let limit = |price, quantity| Limit { price, quantity, time_in_force: TimeInForce::Gtc, post_only: false };
    let fills = u64::from(FILLS_PER_TAKER);
    for id in 0..=fills {
        book.apply(&order(id, 1, Side::Sell, Kind::Limit(limit(100, 1)), 1), &mut events);
    }
    let stops = u64::from(TRIGGERS_PER_COMMAND) + 7;
    for id in 0..stops {
        let stop = Kind::StopLimit { stop: 100, limit: limit(50, 1) };
        book.apply(&order(10_000 + id, 2, Side::Buy, stop, 50), &mut events);
    }
    events.clear();
    book.apply(&order(20_000, 3, Side::Buy, Kind::Limit(limit(100, fills + 1)), 100 * (fills + 1)), &mut events);
    let cut = Some(Reason::TooManyFills);
    assert!(events.iter().any(|event| matches!(event, Event::Closed { reason, released: 100, .. } if *reason == cut)));
    assert_eq!((book.trades(), book.has_due_stops()), (fills, true));
    let restored = Book::restore(&book.snapshot()).expect("a snapshot");
    assert_eq!(restored.snapshot(), book.snapshot());
    for due in [true, false] {
        book.apply(&Command::Expire { now: 0 }, &mut events);
        assert_eq!(book.has_due_stops(), due);
    }
    assert_eq!(book.depth(Side::Buy, 1).next(), Some((50, u128::from(stops))));
}

#[test]
fn nothing_a_command_says_makes_the_book_panic() {
    let numbers = [0, 1, 2, MAX_RESERVATION / 2, MAX_RESERVATION, u64::MAX];
    for exponent in [0, 16] {
        let mut book = Book::new(Terms::new(1, exponent, 1_000, 1_000).expect("terms"));
        let mut events = Vec::new();
        let mut id = 0;
        for choice in 0..numbers.len().pow(3) {
            let [price, quantity, reserved] = [1, 6, 36].map(|unit| numbers[choice / unit % numbers.len()]);
            let limit = Limit { price, quantity, time_in_force: TimeInForce::Gtc, post_only: false };
            let kinds = [
                Kind::Limit(limit),
                Kind::StopLimit { stop: price, limit },
                Kind::Market { size: Size::Lots(quantity), all_or_nothing: false },
                Kind::Market { size: Size::Budget, all_or_nothing: true },
            ];
            for (kind, side) in kinds.iter().flat_map(|kind| [(*kind, Side::Buy), (*kind, Side::Sell)]) {
                id += 1;
                let (id, owner) = (OrderKey(id), Owner(id % 7));
                let self_trade = SelfTrade::ExpireMaker;
                let expires_at = Some(price as i64);
                let order = PlaceOrder { id, owner, side, kind, self_trade, reserved, expires_at };
                book.apply(&Command::Place(order), &mut events);
            }
        }
        book.apply(&Command::Expire { now: i64::MAX }, &mut events);
        let _ = Settlement::of(&events);
    }
}

#[test]
fn commands_events_and_snapshots_come_back_from_json_and_from_bytes() {
    let mut story = Story { book: Book::new(Terms::new(1, 0, 10, 20).expect("terms")), names: Vec::new() };
    let mut events = Vec::new();
    for line in [
        "a1 alice sell 5 @ 100 until 7",
        "s1 alice buy 5 @ 100 stop 100",
        "b1 bob buy 7 @ 101",
        "b2 bob buy market lock 5",
    ] {
        let words: Vec<&str> = line.split_whitespace().collect();
        let command = Command::Place(story.order(&words));
        let text = serde_json::to_string(&command).expect("JSON");
        assert_eq!(serde_json::from_str::<Command>(&text).expect("a command"), command, "{text}");
        let bytes = postcard::to_stdvec(&command).expect("bytes");
        assert_eq!(postcard::from_bytes::<Command>(&bytes).expect("a command"), command);
        story.book.apply(&command, &mut events);
    }
    let text = serde_json::to_string(&events).expect("JSON");
    assert_eq!(serde_json::from_str::<Vec<Event>>(&text).expect("events"), events, "{text}");
    let bytes = postcard::to_stdvec(&events).expect("bytes");
    assert_eq!(postcard::from_bytes::<Vec<Event>>(&bytes).expect("events"), events);
    let snapshot = story.book.snapshot();
    let bytes = postcard::to_stdvec(&snapshot).expect("bytes");
    assert_eq!(postcard::from_bytes::<Snapshot>(&bytes).expect("a snapshot"), snapshot);
    let text = serde_json::to_string(&snapshot).expect("JSON");
    assert_eq!(serde_json::from_str::<Snapshot>(&text).expect("a snapshot"), snapshot);
}

#[test]
fn events_alone_tell_wallets_orders_and_fees() {
    let mut story = Story { book: Book::new(Terms::new(1, 0, 10, 20).expect("terms")), names: Vec::new() };
    let mut events = Vec::new();
    for line in ["a1 alice sell 1000 @ 100", "b1 bob buy 1500 @ 101"] {
        let words: Vec<&str> = line.split_whitespace().collect();
        let command = Command::Place(story.order(&words));
        story.book.apply(&command, &mut events);
    }
    let settlement = Settlement::of(&events);
    // 1,000 lots at 100: the maker pays 100 of 100,000, the taker 200.
    let alice = WalletChange { base_locked: -1_000, quote_free: 99_900, ..WalletChange::default() };
    let bob = WalletChange { base_free: 1_000, quote_locked: -100_200, ..WalletChange::default() };
    assert_eq!(settlement.wallets[&owner("alice")], alice);
    assert_eq!(settlement.wallets[&owner("bob")], bob);
    assert_eq!(settlement.fees, 300);
    let told = |name: &str, who: &str| {
        let at = story.names.iter().position(|known| known == name).expect("an order");
        settlement.orders[&(owner(who), OrderKey(at as u128))]
    };
    let (a1, b1) = (told("a1", "alice"), told("b1", "bob"));
    assert_eq!((a1.status, a1.filled, a1.notional, a1.fees), (Status::Filled, 1_000, 100_000, 100));
    assert_eq!((b1.status, b1.filled, b1.notional, b1.fees), (Status::PartiallyFilled, 1_000, 100_000, 200));
}

#[test]
fn candles_and_the_ticker_are_folded_from_trades() {
    use crate::Timestamp;
    let party = Party { order: OrderKey(1), owner: Owner(1), fee: 0, remaining: 0 };
    let trade = |number, price, quantity| Trade {
        number,
        taker_side: Side::Buy,
        price,
        quantity,
        notional: price * quantity,
        maker: party,
        taker: party,
    };
    let minute = |minutes: i64, seconds: i64| Timestamp::from_millis(minutes * 60_000 + seconds * 1_000);
    let trades = [trade(1, 100, 5), trade(2, 120, 1), trade(3, 90, 2), trade(4, 95, 3)];
    let moments = [minute(10, 0), minute(10, 59), minute(11, 0), minute(16, 0)];
    let candles = |interval| Candle::of(interval, moments.iter().copied().zip(&trades));
    let minutes = candles(Interval::OneMinute);
    let shape = |candle: &Candle| (candle.open, candle.high, candle.low, candle.close, candle.volume, candle.count);
    assert_eq!(
        minutes.iter().map(shape).collect::<Vec<_>>(),
        [(100, 120, 100, 120, 6, 2), (90, 90, 90, 90, 2, 1), (95, 95, 95, 95, 3, 1)]
    );
    assert_eq!(minutes[1].open_time, minute(11, 0));
    // The same from trades and from smaller candles; what comes twice counts once.
    let mut five = minutes[0];
    five.extend(&minutes[1]);
    five.extend(&minutes[1]);
    five.fold(&trades[2]);
    assert_eq!(five, candles(Interval::FiveMinutes)[0]);
    assert_eq!(candles(Interval::OneHour).len(), 1);
    assert_eq!(Interval::OneDay.open_time(minute(1441, 3)), minute(1440, 0));

    let book = Book::new(Terms::new(1, 0, 0, 0).expect("terms"));
    let ticker = Ticker::of(&book, &minutes, minute(1451, 0));
    assert_eq!((ticker.open, ticker.high, ticker.low, ticker.volume), (Some(95), Some(95), Some(95), 3));
    let ticker = Ticker::of(&book, &minutes, minute(20, 0));
    assert_eq!((ticker.high, ticker.low, ticker.volume, ticker.change()), (Some(120), Some(90), 11, Some(-5)));
}
