//! GET and POST /account-types, GET /account-types/{id}.

use aws::ledger::Ledger;
use domain::account::AccountType;
use edge::http::{Answer, Code, FieldErrors, Page, Problem, Request, created, ok};
use serde::Deserialize;

use crate::answers::{KindView, failed};

/// The name of this list for its cursors.
const SCOPE: &str = "account-types";
const DECIMAL_EXPECTED: &str = "must be a plain decimal string such as \"12.50\", with at most four decimals";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    r#type: String,
    name: String,
    description: Option<String>,
    monthly_fee: Option<String>,
    interest_rate: Option<String>,
    status: Option<String>,
}

impl Body {
    fn understand(self) -> Result<AccountType, Problem> {
        let mut errors = FieldErrors::new();
        let text = |text: &str, least: usize, most: usize| {
            let text = text.trim().to_owned();
            let fits = (least..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control);
            fits.then_some(text)
        };
        let code = self.r#type;
        errors.check(
            AccountType::is_code(&code),
            "/type",
            "must be 2 to 32 lower-case letters, digits or underscores, a letter first",
        );
        let name = errors.parse("/name", &self.name, |name| text(name, 1, 100), "must be 1 to 100 characters");
        let description = self.description.unwrap_or_default();
        let description =
            errors.parse("/description", &description, |given| text(given, 0, 500), "must be at most 500 characters");
        let mut decimal = |pointer: &str, given: Option<String>| {
            let given = given.unwrap_or_else(|| "0".to_owned());
            errors.parse(pointer, &given, AccountType::parse_decimal, DECIMAL_EXPECTED)
        };
        let monthly_fee = decimal("/monthly_fee", self.monthly_fee);
        let interest_rate = decimal("/interest_rate", self.interest_rate);
        let active = match self.status.as_deref() {
            None | Some("active") => Some(true),
            Some("inactive") => Some(false),
            Some(_) => None,
        };
        errors.check(active.is_some(), "/status", "must be one of active, inactive");
        errors.finish()?;
        let kind = || {
            let (monthly_fee, interest_rate) = (monthly_fee?, interest_rate?);
            Some(AccountType {
                code,
                name: name?,
                description: description?,
                monthly_fee,
                interest_rate,
                active: active?,
            })
        };
        kind().ok_or_else(|| Code::InvalidField.into())
    }
}

pub(crate) async fn create(ledger: &Ledger, request: &Request) -> Result<Answer, Problem> {
    let caller = request.admin()?;
    let kind = request.parse::<Body>()?.understand()?;
    if !ledger.add_account_type(&kind).await.map_err(failed)? {
        return Err(Problem::new(Code::AccountTypeTaken, "There is an account type of this name."));
    }
    tracing::info!(kind = kind.code, by = caller.subject(), "account type created");
    created(&KindView::from(&kind))
}

/// The types that can be opened, by their codes.
pub(crate) async fn list(ledger: &Ledger, request: &Request) -> Result<Answer, Problem> {
    request.person()?;
    request.only_query(&["limit", "cursor"])?;
    let page = request.page(SCOPE)?;
    let mut types = ledger.account_types().await.map_err(failed)?;
    types.retain(|kind| kind.active && page.after.as_ref().is_none_or(|after| kind.code > *after));
    let more = types.len() > page.limit;
    types.truncate(page.limit);
    let next = types.last().filter(|_| more).map(|kind| kind.code.as_str());
    ok(&Page::new(types.iter().map(KindView::from).collect(), next, SCOPE))
}

/// A type by its code, also one that is no longer on offer: accounts of it go on.
pub(crate) async fn one(ledger: &Ledger, request: &Request) -> Result<Answer, Problem> {
    request.person()?;
    let code = request.path_id("id", |text| AccountType::is_code(text).then(|| text.to_owned()))?;
    let kind = ledger.account_type(&code).await.map_err(failed)?.ok_or_else(Problem::not_found)?;
    ok(&KindView::from(&kind))
}
