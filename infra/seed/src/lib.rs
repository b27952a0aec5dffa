//! A bank's worth of data that never was: customers, accounts and a year of movements, repeatable from a seed.
//!
//! ```text
//! Population (seed, size, end) ─► neighbourhoods ─► people ─► openings ─► a year of life ─► write, through shared/aws
//!  └────────────────────────── pure: the same population, the same rows ─────────────────┘
//! ```
//! Everything but [`write`] is pure. What moves money is decided by `domain`, in the order of time, on accounts that stand
//! as the ledger's rows will stand, so that what is written is what the bank would have written had it happened.
//! Nobody here has a user in the user pool: no password is made, and nobody can sign in.

pub mod calendar;
mod life;
mod names;
mod openings;
mod people;
mod population;
mod random;
mod texts;
mod wishes;
pub mod write;

pub use life::{Life, Standing};
pub use openings::Opening;
pub use population::{Neighbourhood, Population, Size, SizeError};
pub use random::Random;
