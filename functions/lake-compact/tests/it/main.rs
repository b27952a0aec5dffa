//! Few files out of many: nothing lost, nothing counted twice, wherever it is cut off.
#![allow(missing_docs)]

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    Timestamp,
    id::CustomerId,
    instrument::Asset,
    wallet::{Holding, Wallet},
};
use edge::clock::Clock;
use lake::{
    Record, Table, file,
    keys::{self, File},
    records,
};
use lake_compact::run;
use rust_decimal::Decimal;
use testkit::{Cut, ManualClock, Objects};

/// What a wallet had with which version.
type Versions = BTreeSet<(String, i64, String)>;

struct Lake {
    objects: Objects,
    clock: ManualClock,
}

impl Lake {
    /// Three days of changes of wallets, in some files a day, and each file's records twice somewhere else.
    async fn start() -> Self {
        let (objects, clock) = (Objects::start().await, ManualClock::at("2026-11-23T12:00:00Z"));
        let lake = Self { objects, clock };
        lake.objects.set_time(lake.clock.now());
        for day in 21..=23 {
            let versions: Vec<_> = (1..=12).map(|version| wallet(day, version)).collect();
            for (nth, some) in versions.chunks(3).chain(versions.windows(2).step_by(5)).enumerate() {
                lake.put(day, &format!("part-{nth}"), some).await;
            }
        }
        lake
    }

    async fn put(&self, day: i64, name: &str, some: &[Record]) {
        let key = File::new(records::WALLETS, format!("2026-11-{day}"), name).to_string();
        let content = file::encode(records::WALLETS, some).expect("a file");
        self.objects.bucket().put(&key, content).await.expect("it is put");
    }

    async fn run(&self) {
        run(&self.objects.bucket(), &self.clock).await.expect("a run");
    }

    fn pass_hours(&self, hours: i64) {
        self.clock.advance_seconds(hours * 3600);
        self.objects.set_time(self.clock.now());
    }

    /// Every version that is there, however often.
    fn versions(&self) -> Versions {
        self.records()
            .into_iter()
            .map(|record| (format!("{:?}", record.key()), record.version, format!("{:?}", record.values)))
            .collect()
    }

    fn records(&self) -> Vec<Record> {
        let files = self.objects.all().into_iter().filter_map(|(key, content)| Some((File::parse(&key)?, content)));
        files
            .flat_map(|(place, content)| {
                let some = file::decode(Table::named(place.table).expect("a table"), content).expect("a file");
                assert!(some.iter().all(|record| record.day() == place.day));
                some
            })
            .collect()
    }

    /// How many files each day has.
    fn files(&self) -> BTreeMap<String, usize> {
        let mut files = BTreeMap::new();
        for place in self.objects.all().keys().filter_map(|key| File::parse(key)) {
            *files.entry(place.day).or_default() += 1;
        }
        files
    }
}

fn wallet(day: i64, version: u64) -> Record {
    let mut wallet = Wallet::empty(CustomerId::parse("cus_1").expect("an id"));
    wallet.version = u64::try_from(day).expect("a day") * 100 + version;
    let holding = Holding { free: Decimal::from(wallet.version), locked: Decimal::ZERO };
    wallet.holdings.insert(Asset::parse("BTC").expect("an asset"), holding);
    let at: Timestamp = format!("2026-11-{day}T10:00:00Z").parse().expect("a moment");
    records::wallet(None, &wallet, at).remove(0)
}

fn counts(counts: [(&str, usize); 3]) -> BTreeMap<String, usize> {
    counts.map(|(day, count)| (day.to_owned(), count)).into()
}

#[tokio::test]
async fn each_finished_day_becomes_one_file_and_its_parts_go_an_hour_later() {
    let lake = Lake::start().await;
    let before = lake.versions();
    lake.run().await;
    assert_eq!(lake.files(), counts([("2026-11-21", 8), ("2026-11-22", 8), ("2026-11-23", 7)]));
    assert_eq!(lake.versions(), before);
    lake.run().await;
    assert_eq!(lake.files(), counts([("2026-11-21", 8), ("2026-11-22", 8), ("2026-11-23", 7)]), "too early");
    lake.pass_hours(1);
    lake.run().await;
    assert_eq!(lake.files(), counts([("2026-11-21", 1), ("2026-11-22", 1), ("2026-11-23", 7)]));
    assert_eq!(lake.versions(), before);
    let of_a_day = lake.records().iter().filter(|record| record.day() == "2026-11-21").count();
    assert_eq!(of_a_day, 12, "each version once");
    let writes = lake.objects.writes();
    lake.run().await;
    assert_eq!(lake.objects.writes(), writes, "nothing is left to do");
}

#[tokio::test]
async fn what_comes_late_is_taken_in() {
    let lake = Lake::start().await;
    lake.run().await;
    lake.pass_hours(2);
    lake.run().await;
    lake.put(21, "late", &[wallet(21, 13)]).await;
    let before = lake.versions();
    for _ in 0..3 {
        lake.pass_hours(1);
        lake.run().await;
        assert_eq!(lake.versions(), before);
    }
    assert_eq!(lake.files(), counts([("2026-11-21", 1), ("2026-11-22", 1), ("2026-11-23", 7)]));
}

#[tokio::test]
async fn a_run_that_dies_at_any_write_loses_nothing_and_ends_the_same() {
    // Two merges, then 14 deletions.
    for cut in [Cut::Before, Cut::After] {
        for nth in 1..=16 {
            let lake = Lake::start().await;
            let before = lake.versions();
            lake.objects.cut(nth, cut);
            for _ in 0..4 {
                // An error is a run that died.
                let _ = run(&lake.objects.bucket(), &lake.clock).await;
                lake.objects.mend();
                assert_eq!(lake.versions(), before, "{cut:?} write {nth}");
                lake.pass_hours(1);
            }
            let expected = counts([("2026-11-21", 1), ("2026-11-22", 1), ("2026-11-23", 7)]);
            assert_eq!(lake.files(), expected, "{cut:?} write {nth}");
        }
    }
}

#[tokio::test]
async fn two_runs_at_once_and_new_files_meanwhile_do_no_harm() {
    for seed in 0..5 {
        fastrand::seed(seed);
        let lake = Lake::start().await;
        let mut late = 13;
        for _ in 0..6 {
            lake.put(21, &format!("late-{late}"), &[wallet(21, late)]).await;
            late += 1;
            let before = lake.versions();
            let bucket = lake.objects.bucket();
            let (one, other) = tokio::join!(run(&bucket, &lake.clock), run(&bucket, &lake.clock));
            one.expect("a run");
            other.expect("a run");
            assert_eq!(lake.versions(), before, "seed {seed}");
            lake.pass_hours(fastrand::i64(0..3));
        }
    }
}

#[tokio::test]
async fn a_file_that_does_not_read_stops_its_day_only_and_stays() {
    let lake = Lake::start().await;
    let key = File::new(records::WALLETS, "2026-11-21", "broken").to_string();
    lake.objects.bucket().put(&key, "no parquet").await.expect("it is put");
    run(&lake.objects.bucket(), &lake.clock).await.expect_err("a day failed");
    let all = lake.objects.all();
    assert!(all.contains_key(&key));
    let merged = |day: &str| all.keys().any(|key| key.starts_with(&format!("tables/wallets/dt={day}/day-")));
    assert_eq!((merged("2026-11-21"), merged("2026-11-22")), (false, true));
    assert_eq!(keys::table(records::WALLETS), "tables/wallets/");
}
