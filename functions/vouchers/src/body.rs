//! The body of POST /vouchers: a customer names an account, a partner's machine the reference of a payment.

use domain::{
    customer::PhoneNumber,
    id::AccountId,
    voucher::{Payer, ProductId},
};
use edge::http::{Caller, Code, FieldErrors, Problem};
use serde::Deserialize;

/// Longest payment reference, in characters.
const MAX_REFERENCE: usize = 64;

/// As the client writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    product_id: String,
    phone: String,
    account_id: Option<String>,
    payment_reference: Option<String>,
}

/// As it is understood.
pub(crate) struct Wish {
    pub product: ProductId,
    pub phone: PhoneNumber,
    pub payer: Payer,
}

impl Body {
    pub(crate) fn understand(self, caller: &Caller) -> Result<Wish, Problem> {
        let mut errors = FieldErrors::new();
        let product = errors.parse("/product_id", &self.product_id, ProductId::parse, ProductId::EXPECTED);
        let phone = errors.parse("/phone", &self.phone, PhoneNumber::parse, PhoneNumber::EXPECTED);
        let (account, reference) = (self.account_id.as_deref(), self.payment_reference.as_deref());
        let payer = match caller {
            Caller::Person { customer, .. } => {
                errors.check(reference.is_none(), "/payment_reference", "belongs to a partner's purchase");
                errors.check(account.is_some(), "/account_id", "is required");
                let account = account
                    .and_then(|text| errors.parse("/account_id", text, AccountId::parse, "must be an account id"));
                account.map(|account| Payer::Account { customer: customer.clone(), account })
            }
            Caller::Partner { client } => {
                errors.check(account.is_none(), "/account_id", "belongs to a customer's purchase");
                errors.check(reference.is_some(), "/payment_reference", "is required");
                let expected = "must be 1 to 64 printable ASCII characters";
                let reference =
                    reference.and_then(|text| errors.parse("/payment_reference", text, printable, expected));
                reference.map(|payment_reference| Payer::Partner { client: client.clone(), payment_reference })
            }
        };
        errors.finish()?;
        let wish = || Some(Wish { product: product?, phone: phone?, payer: payer? });
        wish().ok_or_else(|| Code::InvalidField.into())
    }
}

fn printable(text: &str) -> Option<String> {
    let fits = (1..=MAX_REFERENCE).contains(&text.len()) && text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    fits.then(|| text.to_owned())
}
