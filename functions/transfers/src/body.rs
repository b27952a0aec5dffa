//! The body of POST /transfers: which fields belong to which type, and how long each may be.

use domain::{
    Money,
    id::AccountId,
    number::AccountNumber,
    transfer::{HoldTerms, Kind},
};
use edge::http::{AmountField, CurrencyField, FieldErrors, Problem};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Longest description, in characters; what statements of payment systems commonly carry.
const MAX_DESCRIPTION: usize = 140;
/// Largest metadata object, in bytes of JSON; a transfer row stays within two write units.
const MAX_METADATA: usize = 1024;

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Type {
    Deposit,
    Withdrawal,
    Transfer,
    Payment,
}

/// As the client writes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    r#type: Type,
    amount: AmountField,
    currency: CurrencyField,
    from_account: Option<String>,
    to_account: Option<String>,
    description: Option<String>,
    metadata: Option<Map<String, Value>>,
    hold: Option<bool>,
    expires_in: Option<u64>,
}

/// An account as a client may name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    Id(AccountId),
    Number(AccountNumber),
}

impl Named {
    fn parse(text: &str) -> Option<Self> {
        AccountId::parse(text).map(Self::Id).or_else(|| AccountNumber::parse(text).map(Self::Number))
    }
}

/// As it is understood: every field fits its type and the others.
#[derive(Debug)]
pub(crate) struct Wish {
    pub kind: Kind,
    pub money: Money,
    pub from: Option<AccountId>,
    pub to: Option<Named>,
    pub description: Option<String>,
    pub metadata: Option<String>,
    pub hold: Option<HoldTerms>,
}

impl Body {
    pub(crate) fn understand(self) -> Result<Wish, Problem> {
        let kind = match self.r#type {
            Type::Deposit => Kind::Deposit,
            Type::Withdrawal => Kind::Withdrawal,
            Type::Transfer => Kind::Transfer,
            Type::Payment => Kind::Payment,
        };
        let mut errors = FieldErrors::new();
        let (debits, credits) = (kind != Kind::Deposit, kind != Kind::Withdrawal);
        let required = "is required for this type";
        let foreign = "does not belong to this type";
        errors.check(self.from_account.is_some() || !debits, "/from_account", required);
        errors.check(self.from_account.is_none() || debits, "/from_account", foreign);
        errors.check(self.to_account.is_some() || !credits || kind == Kind::Payment, "/to_account", required);
        errors.check(self.to_account.is_none() || credits, "/to_account", foreign);

        let from = self.from_account.as_deref().map(AccountId::parse);
        errors.check(from != Some(None), "/from_account", "must be an account id");
        let to = self.to_account.as_deref().map(Named::parse);
        errors.check(to != Some(None), "/to_account", "must be an account id or an account number");

        let description = self.description.filter(|text| !text.is_empty());
        errors.check(
            description.as_deref().is_none_or(is_line),
            "/description",
            "must be one line of up to 140 characters",
        );
        let metadata =
            self.metadata.filter(|object| !object.is_empty()).map(|object| Value::Object(object).to_string());
        let fits = metadata.as_ref().is_none_or(|text| text.len() <= MAX_METADATA);
        errors.check(fits, "/metadata", "must have at most 1024 bytes as JSON");

        let hold = self.hold.unwrap_or_default();
        errors.check(!hold || debits, "/hold", "needs an account to reserve on");
        errors.check(self.expires_in.is_none() || hold, "/expires_in", "belongs to a hold");
        let terms = self.expires_in.map(HoldTerms::new);
        errors.check(terms != Some(None), "/expires_in", "must be 1 to 2678400 seconds");
        errors.finish()?;

        Ok(Wish {
            kind,
            money: self.amount.money(self.currency.0, "/amount")?,
            from: from.flatten(),
            to: to.flatten(),
            description,
            metadata,
            hold: hold.then(|| terms.flatten().unwrap_or_default()),
        })
    }
}

/// One line of readable text.
pub(crate) fn is_line(text: &str) -> bool {
    text.chars().count() <= MAX_DESCRIPTION && !text.chars().any(char::is_control)
}
