//! Amazon Athena and the Glue catalogue as the local runner serves them: DataFusion over Parquet files, answering as Athena does
//! in what the stack uses, the reasons of failed queries included.
//!
//! - [`Catalogue`] says which databases, tables, views and workgroups there are; a template's own is [`Catalogue::of`] its stack.
//! - [`Engine::new`] takes it and the folder in which the objects of `s3://bucket/key` lie as plain files `bucket/key`.
//! - [`serve`] speaks the protocol of both services (AWS JSON 1.1) on a listener, until it is dropped.
//!
//! It reads what is there when a query begins and writes nothing but results. No query may end the process, however it is
//! written: it is bounded in length, depth, memory, time and result, and so is how many run at once.
//!
//! Not served: whatever writes (CREATE, INSERT, UNLOAD, …), prepared statements, named queries, data catalogues but one, results
//! reused from an earlier query. The SQL is DataFusion's, with Trino's functions and types where the two differ in what is common.

mod athena;
mod engine;
mod executions;
mod failure;
mod functions;
mod glue;
mod http;
mod location;
mod results;
mod session;
mod sql;
mod types;
mod values;

pub use engine::{Engine, Limits};
pub use http::serve;
pub use local_template::glue::{Catalogue, Column, Database, Table, View, WorkGroup};

/// The catalogue's name in queries.
const CATALOG: &str = "awsdatacatalog";
