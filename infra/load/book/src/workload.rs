//! What the books are asked to do. The same list for everybody, made before the clock starts.

/// One thing to do to a book.
#[derive(Clone, Copy, Debug)]
pub enum Operation {
    /// A limit order, good till cancelled.
    Add { id: u64, buy: bool, price: u64, quantity: u64 },
    /// The end of an order that rests, or has rested.
    Cancel { id: u64, buy: bool },
    /// A market order by quantity.
    Take { id: u64, buy: bool, quantity: u64 },
}

/// A list of operations.
pub struct Workload {
    pub name: &'static str,
    /// Done before the clock starts.
    pub before: Vec<Operation>,
    pub operations: Vec<Operation>,
}

/// Splitmix: the same numbers everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// The price between bids and asks.
const MIDDLE: u64 = 100_000;

struct Maker {
    random: Random,
    next: u64,
    /// Orders that have been added: number and side.
    added: Vec<(u64, bool)>,
}

impl Maker {
    fn new(seed: u64) -> Self {
        Self { random: Random(seed), next: 1, added: Vec::new() }
    }

    /// An order up to `away` ticks behind the middle and up to `across` ticks beyond it, most of them near it.
    fn add(&mut self, away: u64, across: u64) -> Operation {
        let buy = self.random.below(2) == 0;
        let near = self.random.below(away + across).min(self.random.below(away + across));
        let price = if buy { MIDDLE + across - near } else { MIDDLE - across + near };
        let id = self.id();
        self.added.push((id, buy));
        Operation::Add { id, buy, price, quantity: 1 + self.random.below(100) }
    }

    fn cancel(&mut self) -> Operation {
        let at = self.random.below(self.added.len() as u64) as usize;
        let (id, buy) = self.added.swap_remove(at);
        Operation::Cancel { id, buy }
    }

    fn take(&mut self, most: u64) -> Operation {
        Operation::Take { id: self.id(), buy: self.random.below(2) == 0, quantity: 1 + self.random.below(most) }
    }

    fn id(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }
}

impl Workload {
    /// All of them, with so many operations each.
    pub fn all(count: usize) -> Vec<Self> {
        vec![Self::adds(count), Self::cancels(count), Self::mixed(count), Self::field(count), Self::fills(count)]
    }

    /// Orders that rest, on 1,000 prices a side, in a book that is empty and warm: as many have come and gone before, so
    /// that no engine waits for fresh memory.
    fn adds(count: usize) -> Self {
        let mut maker = Maker::new(1);
        let mut before: Vec<_> = (0..count).map(|_| maker.add(1_000, 0)).collect();
        before.extend(maker.added.drain(..).map(|(id, buy)| Operation::Cancel { id, buy }));
        Self { name: "adds", before, operations: (0..count).map(|_| maker.add(1_000, 0)).collect() }
    }

    /// The end of each of a million resting orders, in any order.
    fn cancels(count: usize) -> Self {
        let mut maker = Maker::new(2);
        let before = (0..count).map(|_| maker.add(1_000, 0)).collect();
        Self { name: "cancels", before, operations: (0..count).map(|_| maker.cancel()).collect() }
    }

    /// What exchanges see: as many cancels as adds, some 10,000 live orders, one order in ten takes.
    fn mixed(count: usize) -> Self {
        let mut maker = Maker::new(3);
        let before = (0..10_000).map(|_| maker.add(500, 0)).collect();
        let operations = (0..count).map(|_| match maker.random.below(100) {
            0..45 => maker.add(500, 2),
            45..90 => maker.cancel(),
            _ => maker.take(100),
        });
        let operations = operations.collect();
        Self { name: "mixed 45/45/10", before, operations }
    }

    /// The mix orderbook-rs publishes its figures for: 70 % adds, 20 % cancels, 10 % takes; the book grows.
    fn field(count: usize) -> Self {
        let mut maker = Maker::new(4);
        let before = (0..10_000).map(|_| maker.add(500, 0)).collect();
        let operations = (0..count).map(|_| match maker.random.below(100) {
            0..70 => maker.add(500, 2),
            70..90 => maker.cancel(),
            _ => maker.take(100),
        });
        let operations = operations.collect();
        Self { name: "mixed 70/20/10", before, operations }
    }

    /// Takes alone, each of which fills a few resting orders.
    fn fills(count: usize) -> Self {
        let mut maker = Maker::new(5);
        let before = (0..count).map(|_| maker.add(1_000, 0)).collect();
        Self { name: "takes", before, operations: (0..count).map(|_| maker.take(90)).collect() }
    }
}
