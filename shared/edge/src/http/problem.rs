//! What leaves when a request is turned down: RFC 9457 problem documents with a stable `code`.

use serde_json::{Map, Value, json};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal $status:literal $title:literal;)*) => {
        /// Every reason a request may be refused. One code has one status.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// All of them, for the published table.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// The stable `code` member.
            pub fn as_str(self) -> &'static str { match self { $(Self::$name => $code,)* } }
            /// The HTTP status.
            pub fn status(self) -> u16 { match self { $(Self::$name => $status,)* } }
            /// The `title` member.
            pub fn title(self) -> &'static str { match self { $(Self::$name => $title,)* } }
        }
    };
}

codes! {
    /// No or a bad token (normally the gateway's answer).
    Unauthorized = "unauthorized" 401 "Unauthorized";
    /// Wrong e-mail, phone or password; which of them is not told.
    InvalidCredentials = "invalid_credentials" 401 "Invalid credentials";
    /// A session, code or refresh token that is wrong, used or expired.
    InvalidSession = "invalid_session" 401 "Invalid session";
    /// Signed up but not yet confirmed.
    UserNotConfirmed = "user_not_confirmed" 403 "User not confirmed";
    /// The caller's role does not allow this.
    Forbidden = "forbidden" 403 "Forbidden";
    /// The body is not JSON.
    MalformedJson = "malformed_json" 400 "Malformed JSON";
    /// The body has a field this request does not know.
    UnknownField = "unknown_field" 400 "Unknown field";
    /// A field is missing, of the wrong type or has an impossible value.
    InvalidField = "invalid_field" 400 "Invalid field";
    /// Not an amount of this currency.
    InvalidAmount = "invalid_amount" 400 "Invalid amount";
    /// Not a currency of ISO 4217.
    UnsupportedCurrency = "unsupported_currency" 400 "Unsupported currency";
    /// The same account on both sides.
    SameAccount = "same_account" 400 "Same account";
    /// Not a multiple of the instrument's price tick.
    PriceTick = "price_tick" 400 "Off the price tick";
    /// Not a multiple of the instrument's lot.
    QuantityLot = "quantity_lot" 400 "Off the lot";
    /// Worth less than an order of the instrument must be.
    MinNotional = "min_notional" 400 "Below the least notional";
    /// Worth more than an order may be.
    MaxNotional = "max_notional" 400 "Above the largest notional";
    /// A query parameter does not parse.
    InvalidParameter = "invalid_parameter" 400 "Invalid parameter";
    /// The cursor was not made by this list.
    InvalidCursor = "invalid_cursor" 400 "Invalid cursor";
    /// The `Idempotency-Key` header is required here.
    IdempotencyKeyMissing = "idempotency_key_missing" 400 "Idempotency key missing";
    /// Not 1 to 255 printable ASCII characters.
    InvalidIdempotencyKey = "invalid_idempotency_key" 400 "Invalid idempotency key";
    /// A confirmation or reset code that is wrong, used or expired.
    InvalidCode = "invalid_code" 422 "Invalid code";
    /// A phone's one-time code that is wrong, used, expired or unknown; which of them is not told.
    InvalidPhoneCode = "invalid_phone_code" 422 "Invalid phone code";
    /// A password that the policy refuses.
    InvalidPassword = "invalid_password" 422 "Invalid password";
    /// The key was used for another request.
    IdempotencyKeyReused = "idempotency_key_reused" 422 "Idempotency key reused";
    /// The first request with this key is still running.
    RequestInProgress = "request_in_progress" 409 "Request in progress";
    /// Does not exist, or belongs to somebody else.
    NotFound = "not_found" 404 "Not found";
    /// `If-Match` names another version.
    VersionMismatch = "version_mismatch" 412 "Version mismatch";
    /// The e-mail address belongs to another customer.
    EmailTaken = "email_taken" 409 "E-mail taken";
    /// The phone number belongs to another customer.
    PhoneTaken = "phone_taken" 409 "Phone taken";
    /// The document number belongs to another customer.
    DocumentTaken = "document_taken" 409 "Document taken";
    /// The customer has as many documents as one may have.
    TooManyDocuments = "too_many_documents" 409 "Too many documents";
    /// The customer has as many open accounts as one may have.
    TooManyAccounts = "too_many_accounts" 409 "Too many accounts";
    /// The product is no longer sold.
    ProductWithdrawn = "product_withdrawn" 409 "Product withdrawn";
    /// There is a product of this id.
    ProductTaken = "product_taken" 409 "Product taken";
    /// The payment reference stands for another purchase.
    PaymentReferenceTaken = "payment_reference_taken" 409 "Payment reference taken";
    /// The account type exists already.
    AccountTypeTaken = "account_type_taken" 409 "Account type taken";
    /// There is an instrument of this symbol.
    InstrumentTaken = "instrument_taken" 409 "Instrument taken";
    /// The instrument takes no orders.
    InstrumentHalted = "instrument_halted" 409 "Instrument halted";
    /// The client's own name stands for another of its orders.
    ClientOrderIdTaken = "client_order_id_taken" 409 "Client order id taken";
    /// The order is filled, cancelled, rejected or expired.
    OrderNotOpen = "order_not_open" 409 "Order not open";
    /// The customer has as many open orders as one may have.
    TooManyOpenOrders = "too_many_open_orders" 409 "Too many open orders";
    /// The customer may not act: inactive or blocked.
    CustomerNotActive = "customer_not_active" 409 "Customer not active";
    /// The customer still has accounts that are not closed.
    CustomerHasAccounts = "customer_has_accounts" 409 "Customer has accounts";
    /// The account refuses postings until it is thawed.
    AccountFrozen = "account_frozen" 409 "Account frozen";
    /// The account is closed for good.
    AccountClosed = "account_closed" 409 "Account closed";
    /// There is still money on the account, or held by it.
    BalanceNotZero = "balance_not_zero" 409 "Balance not zero";
    /// The account is kept in another currency.
    CurrencyMismatch = "currency_mismatch" 409 "Currency mismatch";
    /// The hold was captured, voided or has expired.
    HoldNotPending = "hold_not_pending" 409 "Hold not pending";
    /// The transfer has been reversed before.
    AlreadyReversed = "already_reversed" 409 "Already reversed";
    /// Only a completed transfer can be reversed.
    NotReversible = "not_reversible" 409 "Not reversible";
    /// More than the hold reserves.
    CaptureExceedsHold = "capture_exceeds_hold" 422 "Capture exceeds hold";
    /// Not enough available.
    InsufficientFunds = "insufficient_funds" 422 "Insufficient funds";
    /// More happened in the period than one statement holds.
    StatementTooLong = "statement_too_long" 422 "Statement too long";
    /// The body is larger than the function takes.
    PayloadTooLarge = "payload_too_large" 413 "Payload too large";
    /// Too many requests.
    RateLimited = "rate_limited" 429 "Rate limited";
    /// Something behind us is not available; try again.
    Unavailable = "unavailable" 503 "Unavailable";
    /// Our fault.
    Internal = "internal_error" 500 "Internal error";
}

/// A refusal on its way out.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// Why.
    pub code: Code,
    detail: String,
    errors: Vec<(String, String)>,
    more: Map<String, Value>,
    headers: Vec<(&'static str, String)>,
}

impl Problem {
    /// A refusal with a sentence for people.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), errors: Vec::new(), more: Map::new(), headers: Vec::new() }
    }

    /// A bad field, by its JSON pointer (`/amount`).
    pub fn field(code: Code, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        let (pointer, detail) = (pointer.into(), detail.into());
        let mut problem = Self::new(code, format!("{}: {detail}", if pointer.is_empty() { "body" } else { &pointer }));
        problem.errors.push((pointer, detail));
        problem
    }

    /// What does not exist for this caller; the same words for what belongs to somebody else.
    pub fn not_found() -> Self {
        Self::new(Code::NotFound, "There is no such resource.")
    }

    /// A role that is missing.
    pub fn forbidden() -> Self {
        Self::new(Code::Forbidden, "This needs another role.")
    }

    /// The same idempotency key with another request; `field` is the first that differs.
    pub fn key_reused(field: &str) -> Self {
        let detail = format!("This Idempotency-Key was used for a request with another {field}.");
        Self::new(Code::IdempotencyKeyReused, detail).with("field", field)
    }

    /// The first request with this key is still running.
    pub fn in_progress() -> Self {
        Self::new(Code::RequestInProgress, "The first request with this key is still running.")
            .header("Retry-After", "1")
    }

    /// The world failed. The cause is for the log, where the caller of this has written it; never for the client.
    pub fn unavailable() -> Self {
        Self::new(Code::Unavailable, "A service behind this API is not available at the moment; try again.")
            .header("Retry-After", "1")
    }

    /// One more bad field.
    pub fn and_field(mut self, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        self.errors.push((pointer.into(), detail.into()));
        self
    }

    /// One more member of the document.
    pub fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.more.insert(member.to_owned(), value.into());
        self
    }

    /// One more header of the answer.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The headers beyond those of every answer.
    pub fn headers(&self) -> &[(&'static str, String)] {
        &self.headers
    }

    /// The document.
    pub fn document(&self, instance: &str, request_id: &str) -> Value {
        let mut document = Map::new();
        document.insert("type".into(), json!("about:blank"));
        document.insert("title".into(), json!(self.code.title()));
        document.insert("status".into(), json!(self.code.status()));
        document.insert("detail".into(), json!(self.detail));
        document.insert("instance".into(), json!(instance));
        document.insert("code".into(), json!(self.code.as_str()));
        document.insert("request_id".into(), json!(request_id));
        if !self.errors.is_empty() {
            let errors = self.errors.iter().map(|(pointer, detail)| json!({"pointer": pointer, "detail": detail}));
            document.insert("errors".into(), errors.collect());
        }
        for (member, value) in &self.more {
            document.insert(member.clone(), value.clone());
        }
        Value::Object(document)
    }
}

impl From<Code> for Problem {
    fn from(code: Code) -> Self {
        Self::new(code, code.title())
    }
}
