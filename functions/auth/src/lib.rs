//! Sign-up, sign-in and everything a person does before he has a token, or with nothing but one.
//!
//! ```text
//! sign-up ─ taken? ─ user pool ─ customer rows          each step may be the last one that happens:
//!              │         │           └ lost the race: the user is removed again, 409
//!              │         └ broke off: the user confirms, customers-provision writes the rows from his attributes
//!              └ 409
//! ```
//! Holds no password, code or token longer than a request, and writes none of them to a log. A wrong password and an
//! unknown person have one answer, after the same work.

mod password;
mod problem;
pub mod providers;
mod sign_in;
mod sign_up;
mod totp;
mod who;

use aws::{
    customers::Customers,
    identity::{Sessions, Users},
};
use edge::{
    clock::Clock,
    http::{Answer, Problem, Request},
};

use crate::providers::Providers;

/// What the routes stand on.
pub struct Auth<C> {
    /// The user pool as its public client sees it.
    pub sessions: Sessions,
    /// The user pool as the bank sees it: only to take back a sign-up.
    pub users: Users,
    /// Customers, to write a new one and to find an address by phone.
    pub customers: Customers,
    /// Sign-in through others.
    pub providers: Providers,
    /// Dates a new customer.
    pub clock: C,
}

/// Answers one request.
pub async fn handle<C: Clock>(auth: &Auth<C>, request: Request) -> Result<Answer, Problem> {
    let Auth { sessions, users, customers, providers, clock } = auth;
    match request.route() {
        ("POST", "/auth/sign-up") => sign_up::create(sessions, users, customers, clock, &request).await,
        ("POST", "/auth/confirm") => sign_up::confirm(sessions, &request).await,
        ("POST", "/auth/confirm/resend") => sign_up::resend(sessions, &request).await,
        ("POST", "/auth/sign-in") => sign_in::create(sessions, customers, &request).await,
        ("POST", "/auth/challenge") => sign_in::answer(sessions, customers, &request).await,
        ("POST", "/auth/refresh") => sign_in::refresh(sessions, &request).await,
        ("POST", "/auth/sign-out") => sign_in::end(sessions, &request).await,
        ("POST", "/auth/forgot-password") => password::forgot(sessions, &request).await,
        ("POST", "/auth/reset-password") => password::reset(sessions, &request).await,
        ("POST", "/auth/totp") => totp::begin(sessions, customers, &request).await,
        ("POST", "/auth/totp/confirm") => totp::turn_on(sessions, &request).await,
        ("GET", "/auth/providers") => providers.list(&request),
        _ => Err(Problem::not_found()),
    }
}
