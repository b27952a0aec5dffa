//! Who signs in: an address, or a phone that leads to one.

use aws::customers::{Claim, Customers};
use domain::{
    customer::{EmailAddress, PhoneNumber},
    id::{self, CustomerId},
};
use edge::http::{Code, Problem};

use crate::problem;

/// The user name of the pool for exactly one of the two. A phone that nobody has gives a name that nobody has: the
/// pool then does the work and gives the answer of a wrong password.
pub(crate) async fn username(
    customers: &Customers,
    email: Option<&str>,
    phone: Option<&str>,
) -> Result<String, Problem> {
    match (email, phone) {
        (Some(email), None) => self::email(email).map(|email| email.as_str().to_owned()),
        (None, Some(text)) => {
            let phone = PhoneNumber::parse(text)
                .ok_or_else(|| Problem::field(Code::InvalidField, "/phone", PhoneNumber::EXPECTED))?;
            by_phone(customers, phone).await
        }
        _ => Err(Problem::field(Code::InvalidField, "", "needs either email or phone")),
    }
}

/// A body's `/email`.
pub(crate) fn email(text: &str) -> Result<EmailAddress, Problem> {
    EmailAddress::parse(text).ok_or_else(|| Problem::field(Code::InvalidField, "/email", EmailAddress::EXPECTED))
}

async fn by_phone(customers: &Customers, phone: PhoneNumber) -> Result<String, Problem> {
    let nobody = CustomerId::from_bytes(id::derive(&["nobody", phone.as_str()]));
    let holder = customers.holder(&Claim::Phone(phone)).await.map_err(problem::store)?;
    // Read for nobody as well, so that the time taken does not tell.
    let customer = customers.customer(holder.as_ref().unwrap_or(&nobody)).await.map_err(problem::store)?;
    Ok(customer.map_or_else(|| format!("{nobody}@nobody.invalid"), |customer| customer.email.as_str().to_owned()))
}
