//! Reports and queries from the outside: files of the lake on disk, the engine in this process, answers as a client sees them.

mod access;
mod app;
mod caching;
mod own_queries;
mod proof;
mod truth;
mod world;
