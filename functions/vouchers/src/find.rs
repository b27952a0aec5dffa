//! GET /vouchers/{id} and POST /vouchers/search.

use aws::{phones::Admission, vouchers::Vouchers};
use domain::{
    customer::PhoneNumber,
    id::VoucherId,
    phone_code::{self, CodeKey},
    voucher::{Funding, Purchase},
};
use edge::{
    clock::Clock,
    http::{Answer, Caller, Code, FieldErrors, Page, Problem, Request, ok},
};
use serde::Deserialize;

use crate::{
    Shop, Stores,
    answers::failed,
    view::{Sight, VoucherView},
};

/// The newest vouchers of a phone that are shown.
const MOST: usize = 200;

pub(crate) async fn one(vouchers: &Vouchers, shop: &Shop, request: &Request) -> Result<Answer, Problem> {
    let caller = request.caller()?;
    let id = request.path_id("id", VoucherId::parse)?;
    let purchase = vouchers.purchase(&id).await.map_err(failed)?.ok_or_else(Problem::not_found)?;
    let sight = sight(&caller, &purchase).ok_or_else(Problem::not_found)?;
    ok(&VoucherView::new(&purchase, sight, &shop.support))
}

fn sight(caller: &Caller, purchase: &Purchase) -> Option<Sight> {
    let own = match (&purchase.funding, caller) {
        (Funding::Account { customer: owner, .. }, Caller::Person { customer, .. }) => owner == customer,
        (Funding::Partner { client: owner, .. }, Caller::Partner { client }) => owner == client,
        _ => false,
    };
    if own { Some(Sight::Buyer) } else { caller.is_staff().then_some(Sight::Staff) }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Search {
    phone: String,
    code: String,
}

/// Everything bought for a phone, once per code sent to it. Whatever is wrong with the code, the answer is the same.
/// The list is read first: a failure to read it must not use the code up.
pub(crate) async fn of_phone(
    stores: &Stores,
    shop: &Shop,
    clock: &impl Clock,
    request: &Request,
) -> Result<Answer, Problem> {
    let search = request.parse::<Search>()?;
    let mut errors = FieldErrors::new();
    let phone = errors.parse("/phone", &search.phone, PhoneNumber::parse, PhoneNumber::EXPECTED);
    errors.finish()?;
    let phone = phone.ok_or(Code::InvalidField)?;
    let secret = shop.phone_codes.as_ref().ok_or_else(Problem::unavailable)?;
    admit(stores, shop, clock, &request.source()).await?;
    let code = phone_code::Code::parse(&search.code).ok_or_else(wrong)?;
    let key = CodeKey::new(secret.value().await.map_err(failed)?).ok_or_else(|| {
        tracing::error!("the secret of phone codes is too short");
        Problem::from(Code::Internal)
    })?;
    let found = stores.vouchers.of_phone(&phone, MOST).await.map_err(failed)?;
    if !stores.phones.verify(&phone, &code, &key, clock.now()).await.map_err(failed)? {
        tracing::info!("phone code refused");
        return Err(wrong());
    }
    tracing::info!(found = found.len(), "vouchers of a phone shown");
    let items = found.iter().map(|purchase| VoucherView::new(purchase, Sight::Phone, &shop.support)).collect();
    ok(&Page::new(items, None, "vouchers of a phone"))
}

/// Each search costs a read of up to 200 rows, whoever asks: nobody may ask for as many as he likes.
async fn admit(stores: &Stores, shop: &Shop, clock: &impl Clock, source: &str) -> Result<(), Problem> {
    let admission = stores.phones.admit_search(source, shop.searches_per_address, clock.now()).await;
    let Admission::Limited { retry_after } = admission.map_err(failed)? else { return Ok(()) };
    tracing::info!("search refused: too many of this address");
    let seconds = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
    let problem = Problem::new(Code::RateLimited, "Too many searches for now; try again later.");
    Err(problem.header("Retry-After", seconds.max(1).to_string()))
}

fn wrong() -> Problem {
    Problem::new(Code::InvalidPhoneCode, "This is not the phone's code, or no longer; ask for a new one.")
}
