//! The user pool from outside: every flow through the same door that SDKs use.

mod admin;
mod groups;
mod harness;
mod mfa;
mod oauth;
mod profile;
mod recovery;
mod restart;
mod setup;
mod sign_in;
mod sign_up;
mod srp;
mod tokens;
mod wire;
