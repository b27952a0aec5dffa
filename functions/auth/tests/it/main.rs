//! Sign-up and sign-in on a real table and a real user pool.

mod app;
mod sign_in;
mod sign_up;
mod totp;
