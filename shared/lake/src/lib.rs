//! The data lake: which tables it has and what their files look like.
//!
//! ```text
//! tables/<table>/dt=<day of the change>/<name>.parquet     versions of rows, each file written once and never changed
//! fresh/<table>                                            rewritten after each new file: its ETag tells old results from new
//! ```
//! A file holds **versions**: what a row was after a change, with the number of that change. What a table is now is the
//! highest version of each key, and that is what the views say that bear the tables' names ([`schema::Table::view`]). So a
//! version may lie in the lake any number of times (delivered twice, filled in later, in a part and in the file of its day)
//! and counts once, and no moment can be caught in which a reader sees half of anything.
//!
//! Of people the lake knows identifiers only: no name, address, number or document. Knows files; never a request, a queue
//! or a rule of the bank.

pub mod file;
pub mod keys;
mod record;
pub mod records;
pub mod schema;

pub use record::{Record, Value};
pub use schema::Table;
