//! The books in memory: as many as fit, the ones used last.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use domain::{exchange::Replica, instrument::Symbol};

/// Most books.
const MOST_BOOKS: usize = 64;
/// Most orders of all books together; a book by itself may have more. Each takes about 200 bytes, twice.
const MOST_ORDERS: usize = 500_000;

/// Books by symbol. Whoever works on one takes it out, and puts it back if all went well.
#[derive(Debug, Default)]
pub(crate) struct Books(Mutex<Shelf>);

#[derive(Debug, Default)]
struct Shelf {
    books: HashMap<Symbol, (u64, Replica)>,
    /// Counts every use.
    uses: u64,
}

impl Books {
    /// The book, if it is here.
    pub(crate) fn take(&self, symbol: &Symbol) -> Option<Replica> {
        self.shelf().books.remove(symbol).map(|(_, replica)| replica)
    }

    /// Keeps a book and drops what no longer fits, what was used longest ago first.
    pub(crate) fn put(&self, symbol: Symbol, replica: Replica) {
        let mut shelf = self.shelf();
        shelf.uses += 1;
        let now = shelf.uses;
        shelf.books.insert(symbol, (now, replica));
        while shelf.books.len() > 1 && !shelf.fits() {
            let oldest = shelf.books.iter().min_by_key(|(_, (used, _))| *used).map(|(symbol, _)| symbol.clone());
            let Some(oldest) = oldest else { return };
            shelf.books.remove(&oldest);
            tracing::info!(symbol = %oldest, "book dropped");
        }
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    fn fits(&self) -> bool {
        let orders: usize = self.books.values().map(|(_, replica)| replica.book().len()).sum();
        self.books.len() <= MOST_BOOKS && orders <= MOST_ORDERS
    }
}

#[cfg(test)]
mod tests {
    use domain::order::Terms;

    use super::*;

    #[test]
    fn the_book_used_longest_ago_goes_first() {
        let books = Books::default();
        let symbol = |index: usize| Symbol::parse(&format!("A{index}-USD")).expect("a symbol");
        let replica = || Replica::new(Terms::new(1, 0, 0, 0).expect("terms"));
        (0..MOST_BOOKS).for_each(|index| books.put(symbol(index), replica()));
        let first = books.take(&symbol(0)).expect("the first");
        books.put(symbol(0), first);
        books.put(symbol(MOST_BOOKS), replica());
        assert!(books.take(&symbol(1)).is_none());
        assert!(books.take(&symbol(0)).is_some() && books.take(&symbol(MOST_BOOKS)).is_some());
    }
}
