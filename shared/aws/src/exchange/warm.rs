//! What an instance of a function keeps of the exchange between two requests: instruments for a moment, and books that
//! follow their journals. For answers about the market and for estimates; nothing is committed on it.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use domain::{
    Timestamp,
    exchange::JournalEntry,
    instrument::{Instrument, Symbol},
    order_book::{Book, Trade},
};

use super::{Exchange, StoredInstrument};
use crate::store::StoreError;

/// Books kept at a time; the one that was not asked for the longest goes first.
const MOST_BOOKS: usize = 32;
/// Instruments (and symbols that are none) remembered at a time.
const MOST_INSTRUMENTS: usize = 1_000;
/// Versions read at a time.
const STEP: usize = 100;
/// Trades of a book that are kept.
pub const MOST_TRADES: usize = 200;
/// How many times [`STEP`] versions one request goes back for trades that were before the book was loaded.
const STEPS_BACK: usize = 10;

/// How old an answer may be.
#[derive(Clone, Copy, Debug)]
pub struct Freshness {
    /// What is said of an instrument.
    pub instruments: Duration,
    /// What is said of a book.
    pub books: Duration,
}

impl Default for Freshness {
    fn default() -> Self {
        Self { instruments: Duration::from_secs(1), books: Duration::from_millis(200) }
    }
}

/// The exchange as an instance remembers it.
#[derive(Debug)]
pub struct Warm {
    exchange: Exchange,
    freshness: Freshness,
    instruments: Mutex<HashMap<Symbol, (Instant, Option<StoredInstrument>)>>,
    list: Mutex<Option<(Instant, Vec<StoredInstrument>)>>,
    books: Mutex<Vec<(Symbol, Shared)>>,
}

type Shared = Arc<tokio::sync::Mutex<Option<Followed>>>;

/// A book that follows its journal, and its latest trades.
#[derive(Debug)]
pub struct Followed {
    book: Book,
    version: u64,
    /// Oldest first.
    trades: VecDeque<(Timestamp, Trade)>,
    /// The trades of this version and all later ones have been seen.
    seen_from: u64,
    looked: Instant,
}

impl Followed {
    /// The book.
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// The last version of the journal that is in it.
    pub fn version(&self) -> u64 {
        self.version
    }
}

impl Warm {
    /// Remembers nothing yet.
    pub fn new(exchange: Exchange, freshness: Freshness) -> Self {
        let (instruments, list, books) = Default::default();
        Self { exchange, freshness, instruments, list, books }
    }

    /// The table behind it.
    pub fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// An instrument as it stood a moment ago.
    pub async fn instrument(&self, symbol: &Symbol) -> Result<Option<StoredInstrument>, StoreError> {
        if let Some((looked, known)) = self.known(symbol)
            && looked.elapsed() < self.freshness.instruments
        {
            return Ok(known);
        }
        let looked = Instant::now();
        let found = self.exchange.instrument(symbol).await?;
        let mut instruments = self.instruments.lock().unwrap_or_else(PoisonError::into_inner);
        if instruments.len() >= MOST_INSTRUMENTS {
            instruments.clear();
        }
        instruments.insert(symbol.clone(), (looked, found.clone()));
        Ok(found)
    }

    fn known(&self, symbol: &Symbol) -> Option<(Instant, Option<StoredInstrument>)> {
        self.instruments.lock().unwrap_or_else(PoisonError::into_inner).get(symbol).cloned()
    }

    /// The instrument of something that is on record. Its steps and fees never change, so any memory of it is good.
    pub async fn recorded(&self, symbol: &Symbol) -> Result<Instrument, StoreError> {
        let known = self.known(symbol).and_then(|(_, known)| known);
        let found = if known.is_some() { known } else { self.instrument(symbol).await? };
        found.map(|stored| stored.instrument).ok_or_else(|| StoreError::corrupt("a record of no instrument"))
    }

    /// All instruments as they stood a moment ago, by symbol.
    pub async fn instruments(&self) -> Result<Vec<StoredInstrument>, StoreError> {
        let known = self.list.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((looked, known)) = known
            && looked.elapsed() < self.freshness.instruments
        {
            return Ok(known);
        }
        let looked = Instant::now();
        let found = self.exchange.instruments().await?;
        *self.list.lock().unwrap_or_else(PoisonError::into_inner) = Some((looked, found.clone()));
        Ok(found)
    }

    /// Reads the book of an instrument as it stood a moment ago.
    pub async fn book<R>(&self, instrument: &Instrument, read: impl FnOnce(&Followed) -> R) -> Result<R, StoreError> {
        let place = self.slot(instrument.symbol());
        let mut place = place.lock().await;
        let followed = self.refresh(&mut place, instrument).await?;
        Ok(read(followed))
    }

    /// The latest trades, newest first, at most [`MOST_TRADES`]. Of a book that has hardly traded of late there may be
    /// fewer than there were: one request goes back so far and not farther, and the next goes on from there.
    pub async fn trades(&self, instrument: &Instrument, limit: usize) -> Result<Vec<(Timestamp, Trade)>, StoreError> {
        let place = self.slot(instrument.symbol());
        let mut place = place.lock().await;
        let followed = self.refresh(&mut place, instrument).await?;
        for _ in 0..STEPS_BACK {
            let all = usize::try_from(followed.book.trades()).unwrap_or(usize::MAX);
            if followed.trades.len() >= limit.min(all) || followed.seen_from <= 1 {
                break;
            }
            let from = followed.seen_from.saturating_sub(STEP as u64).max(1);
            let count = usize::try_from(followed.seen_from - from).unwrap_or(STEP);
            let entries = self.exchange.tail(instrument.symbol(), from, count).await?;
            for entry in entries.iter().rev() {
                let trades: Vec<_> = entry.trades().map(|trade| (entry.at, *trade)).collect();
                trades.into_iter().rev().for_each(|trade| followed.trades.push_front(trade));
            }
            followed.seen_from = from;
        }
        Ok(followed.trades.iter().rev().take(limit).copied().collect())
    }

    /// Where the book of this symbol is kept.
    fn slot(&self, symbol: &Symbol) -> Shared {
        let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        let found = books.iter().position(|(known, _)| known == symbol);
        let place = match found {
            Some(index) => books.remove(index).1,
            None => Shared::default(),
        };
        books.insert(0, (symbol.clone(), place.clone()));
        books.truncate(MOST_BOOKS);
        place
    }

    /// The book up to its journal's end, unless that was looked at a moment ago.
    async fn refresh<'a>(
        &self,
        place: &'a mut Option<Followed>,
        instrument: &Instrument,
    ) -> Result<&'a mut Followed, StoreError> {
        // What fails half-way is loaded anew.
        let mut followed = match place.take() {
            Some(followed) if followed.looked.elapsed() < self.freshness.books => {
                return Ok(place.insert(followed));
            }
            Some(followed) => followed,
            None => self.load(instrument).await?,
        };
        let looked = Instant::now();
        loop {
            let entries = self.exchange.tail(instrument.symbol(), followed.version + 1, STEP).await?;
            for entry in &entries {
                followed.follow(entry)?;
            }
            if entries.len() < STEP {
                break;
            }
        }
        followed.looked = looked;
        Ok(place.insert(followed))
    }

    async fn load(&self, instrument: &Instrument) -> Result<Followed, StoreError> {
        let (version, book) = match self.exchange.load_snapshot(instrument.symbol()).await? {
            Some((version, snapshot)) => {
                let book = Book::restore(&snapshot);
                (version, book.map_err(|error| StoreError::corrupt(format!("snapshot: {error:?}")))?)
            }
            None => (0, Book::new(*instrument.terms())),
        };
        tracing::info!(symbol = instrument.symbol().as_str(), version, "book loaded");
        Ok(Followed { book, version, trades: VecDeque::new(), seen_from: version + 1, looked: Instant::now() })
    }
}

impl Followed {
    fn follow(&mut self, entry: &JournalEntry) -> Result<(), StoreError> {
        let mut events = Vec::with_capacity(entry.batch.events.len());
        let follows = entry.version == self.version + 1;
        if follows {
            entry.batch.commands.iter().for_each(|command| self.book.apply(command, &mut events));
        }
        if !follows || events != entry.batch.events {
            return Err(StoreError::corrupt(format!("version {} does not follow the one before it", entry.version)));
        }
        self.version = entry.version;
        self.trades.extend(entry.trades().map(|trade| (entry.at, *trade)));
        self.trades.drain(..self.trades.len().saturating_sub(MOST_TRADES));
        Ok(())
    }
}
