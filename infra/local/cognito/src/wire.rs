//! HTTP in, HTTP out: which operation a request names, its JSON 1.1 body, and the form of errors.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::refusal::{self, Refusal};
use crate::{
    UserPools, admin, challenge, describe, groups, listing, mfa, oauth, profile, recovery, refresh, signin, signup,
};

const TARGET: &str = "AWSCognitoIdentityProviderService.";
const JSON_1_1: &str = "application/x-amz-json-1.1";
/// The service refuses larger bodies; nothing here needs more.
const LARGEST_BODY: usize = 512 * 1024;

/// Answers any request. Blocks; must run where blocking is allowed and a Tokio runtime is current.
pub(crate) fn answer(pools: &UserPools, request: &Request<Bytes>) -> Response<Bytes> {
    let mut response = route(pools, request);
    if let Ok(id) = http::HeaderValue::from_str(&pools.around.uuid()) {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    response
}

fn route(pools: &UserPools, request: &Request<Bytes>) -> Response<Bytes> {
    if let Some(target) = request.headers().get("x-amz-target") {
        let operation = target.to_str().ok().and_then(|target| target.strip_prefix(TARGET));
        return match operation.ok_or_else(unknown).and_then(|operation| serve(pools, operation, request)) {
            Ok(body) => respond(StatusCode::OK, JSON_1_1, body_of(&body)),
            Err(refusal) => refuse(&refusal),
        };
    }
    match (request.method(), request.uri().path()) {
        (&Method::OPTIONS, _) => respond(StatusCode::OK, "text/plain", Bytes::new()),
        (&Method::POST, "/oauth2/token") => oauth::token(pools, request),
        (&Method::GET, path) => well_known(pools, path),
        _ => not_found(),
    }
}

fn serve(pools: &UserPools, operation: &str, request: &Request<Bytes>) -> Result<Value, Refusal> {
    if request.body().len() > LARGEST_BODY {
        return Err(refusal::serialization("Request body is too large"));
    }
    let call = Call { pools, body: request.body() };
    if let Some(answer) = public(&call, operation) {
        return answer;
    }
    // Signatures are not checked here, but a call that would go out unsigned must not pass either.
    let authorization = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let signed = authorization.is_some_and(|value| value.starts_with("AWS4-HMAC-SHA256 "));
    match signed_only(&call, operation, signed) {
        Some(answer) => answer,
        None => Err(unknown()),
    }
}

struct Call<'a> {
    pools: &'a UserPools,
    body: &'a [u8],
}

impl Call<'_> {
    fn run<T: DeserializeOwned>(
        &self,
        operation: fn(&UserPools, T) -> Result<Value, Refusal>,
    ) -> Option<Result<Value, Refusal>> {
        Some(parse(self.body).and_then(|request| operation(self.pools, request)))
    }
}

/// Operations anybody may call; some carry an access token in their body.
fn public(call: &Call<'_>, operation: &str) -> Option<Result<Value, Refusal>> {
    match operation {
        "SignUp" => call.run(signup::sign_up),
        "ConfirmSignUp" => call.run(signup::confirm_sign_up),
        "ResendConfirmationCode" => call.run(signup::resend_confirmation_code),
        "InitiateAuth" => call.run(signin::initiate_auth),
        "RespondToAuthChallenge" => call.run(challenge::respond_to_auth_challenge),
        "ForgotPassword" => call.run(recovery::forgot_password),
        "ConfirmForgotPassword" => call.run(recovery::confirm_forgot_password),
        "ChangePassword" => call.run(recovery::change_password),
        "GetUser" => call.run(profile::get_user),
        "UpdateUserAttributes" => call.run(profile::update_user_attributes),
        "DeleteUserAttributes" => call.run(profile::delete_user_attributes),
        "GetUserAttributeVerificationCode" => call.run(profile::get_user_attribute_verification_code),
        "VerifyUserAttribute" => call.run(profile::verify_user_attribute),
        "DeleteUser" => call.run(profile::delete_user),
        "GlobalSignOut" => call.run(profile::global_sign_out),
        "RevokeToken" => call.run(refresh::revoke_token),
        "AssociateSoftwareToken" => call.run(mfa::associate_software_token),
        "VerifySoftwareToken" => call.run(mfa::verify_software_token),
        "SetUserMFAPreference" => call.run(mfa::set_user_mfa_preference),
        _ => None,
    }
}

/// Operations that IAM guards on AWS.
fn signed_only(call: &Call<'_>, operation: &str, signed: bool) -> Option<Result<Value, Refusal>> {
    if !signed && (operation.starts_with("Admin") || SIGNED.contains(&operation)) {
        return Some(Err(refusal::missing_authentication_token("Missing Authentication Token")));
    }
    match operation {
        "AdminCreateUser" => call.run(admin::create_user),
        "AdminSetUserPassword" => call.run(admin::set_user_password),
        "AdminConfirmSignUp" => call.run(admin::confirm_sign_up),
        "AdminGetUser" => call.run(admin::get_user),
        "AdminDeleteUser" => call.run(admin::delete_user),
        "AdminDisableUser" => call.run(admin::disable_user),
        "AdminEnableUser" => call.run(admin::enable_user),
        "AdminUpdateUserAttributes" => call.run(admin::update_user_attributes),
        "AdminDeleteUserAttributes" => call.run(admin::delete_user_attributes),
        "AdminUserGlobalSignOut" => call.run(admin::user_global_sign_out),
        "AdminResetUserPassword" => call.run(recovery::admin_reset_user_password),
        "AdminInitiateAuth" => call.run(signin::admin_initiate_auth),
        "AdminRespondToAuthChallenge" => call.run(challenge::admin_respond_to_auth_challenge),
        "AdminSetUserMFAPreference" => call.run(mfa::admin_set_user_mfa_preference),
        "AdminAddUserToGroup" => call.run(groups::add_user),
        "AdminRemoveUserFromGroup" => call.run(groups::remove_user),
        "AdminListGroupsForUser" => call.run(groups::list_for_user),
        "CreateGroup" => call.run(groups::create),
        "UpdateGroup" => call.run(groups::update),
        "DeleteGroup" => call.run(groups::delete),
        "GetGroup" => call.run(groups::get),
        "ListGroups" => call.run(groups::list),
        "ListUsersInGroup" => call.run(groups::list_users),
        "ListUsers" => call.run(listing::list_users),
        "DescribeUserPool" => call.run(describe::user_pool),
        "ListUserPools" => call.run(describe::user_pools),
        "DescribeUserPoolClient" => call.run(describe::user_pool_client),
        "ListUserPoolClients" => call.run(describe::user_pool_clients),
        _ => None,
    }
}

/// Guarded operations whose names do not begin with `Admin`.
const SIGNED: [&str; 11] = [
    "CreateGroup",
    "UpdateGroup",
    "DeleteGroup",
    "GetGroup",
    "ListGroups",
    "ListUsersInGroup",
    "ListUsers",
    "DescribeUserPool",
    "ListUserPools",
    "DescribeUserPoolClient",
    "ListUserPoolClients",
];

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| {
        let text = error.to_string();
        let missing = text.strip_prefix("missing field `").and_then(|rest| rest.split_once('`'));
        match missing {
            Some((field, _)) => {
                let mut field = field.to_owned();
                if let Some(first) = field.get_mut(..1) {
                    first.make_ascii_lowercase();
                }
                refusal::constraint(" null", &field, "Member must not be null")
            }
            None => refusal::serialization(text),
        }
    })
}

/// `GET /{pool}/.well-known/…`.
fn well_known(pools: &UserPools, path: &str) -> Response<Bytes> {
    let Some((pool_id, document)) = path.trim_start_matches('/').split_once("/.well-known/") else {
        return not_found();
    };
    let Ok(pool) = pools.pool(pool_id) else {
        return not_found();
    };
    let body = match document {
        "jwks.json" => pool.keys.jwks(),
        "openid-configuration" => json!({
            "issuer": pool.issuer,
            "jwks_uri": format!("{}/.well-known/jwks.json", pool.issuer),
            "token_endpoint": format!("{}/oauth2/token", pools.issuer_base),
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code", "token"],
            "scopes_supported": ["openid", "email", "phone", "profile"],
            "subject_types_supported": ["public"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        }),
        _ => return not_found(),
    };
    respond(StatusCode::OK, "application/json", body_of(&body))
}

pub(crate) fn respond(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, http::HeaderValue::from_static(content_type));
    // Browsers call user pools directly.
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, http::HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, http::HeaderValue::from_static("*"));
    response
}

/// The error as the service sends it, in body and headers.
pub(crate) fn refuse(refusal: &Refusal) -> Response<Bytes> {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = respond(status, JSON_1_1, body_of(&refusal.body()));
    let headers = response.headers_mut();
    headers.insert("x-amzn-errortype", http::HeaderValue::from_static(refusal.name));
    if let Ok(message) = http::HeaderValue::from_str(refusal.message.trim()) {
        headers.insert("x-amzn-errormessage", message);
    }
    response
}

fn not_found() -> Response<Bytes> {
    respond(StatusCode::NOT_FOUND, "application/json", body_of(&json!({"message": "Not Found"})))
}

fn unknown() -> Refusal {
    refusal::unknown_operation("The operation is not known, or not served by this stand-in")
}

pub(crate) fn body_of(value: &Value) -> Bytes {
    Bytes::from(value.to_string())
}

/// Milliseconds as the seconds with a fraction that JSON 1.1 has for times.
pub(crate) fn date(milliseconds: i64) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of this era fit an f64 exactly")]
    let seconds = milliseconds as f64 / 1_000.0;
    json!(seconds)
}
