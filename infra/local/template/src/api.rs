//! The REST API: authorizers, CORS, throttles and the gateway's own error bodies.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde_json::Value;

use crate::error::{Place, TemplateError};
use crate::events::Event;
use crate::fields::Fields;
use crate::function::Function;
use crate::stack::Resource;

/// An API Gateway REST API with one stage.
#[derive(Debug, Clone)]
pub struct Api {
    /// Its name in the template.
    pub logical_id: String,
    /// The REST API's id.
    pub id: String,
    /// The stage, which is the first part of every path.
    pub stage: String,
    /// Cognito authorizers.
    pub authorizers: Vec<Authorizer>,
    /// The one that stands before routes that name none.
    pub default_authorizer: Option<String>,
    /// What `OPTIONS` answers; `None`: no preflight.
    pub cors: Option<Cors>,
    /// The gateway's own answers by type, `UNAUTHORIZED`.
    pub gateway_responses: IndexMap<String, GatewayResponse>,
    /// Throttles by route, the most general first as written.
    pub method_settings: Vec<MethodSetting>,
    /// Media types that go to a function as base64.
    pub binary_media_types: Vec<String>,
}

/// A Cognito authorizer.
#[derive(Debug, Clone)]
pub struct Authorizer {
    /// Its name in the template.
    pub name: String,
    /// The user pool whose tokens it takes.
    pub user_pool_arn: String,
    /// An access token with any of these passes, unless the route names its own.
    pub scopes: Vec<String>,
    /// The header that carries the token.
    pub header: String,
}

/// What a preflight is told. Values are without SAM's inner quotes.
#[derive(Debug, Clone, Default)]
pub struct Cors {
    /// `Access-Control-Allow-Origin`.
    pub allow_origin: String,
    /// `Access-Control-Allow-Headers`.
    pub allow_headers: Option<String>,
    /// `Access-Control-Allow-Methods`; SAM lists the path's own methods where nothing is said.
    pub allow_methods: Option<String>,
    /// `Access-Control-Max-Age`.
    pub max_age: Option<String>,
    /// `Access-Control-Allow-Credentials: true`.
    pub allow_credentials: bool,
}

/// How the gateway answers by itself.
#[derive(Debug, Clone, Default)]
pub struct GatewayResponse {
    /// The status, where the type's own is overridden.
    pub status: Option<u16>,
    /// Headers, without the inner quotes.
    pub headers: BTreeMap<String, String>,
    /// Body templates by media type; `$context.…` is filled in by the gateway.
    pub templates: BTreeMap<String, String>,
}

/// Throttles of one route or of all.
#[derive(Debug, Clone)]
pub struct MethodSetting {
    /// `/*` or a path as in [`crate::Route::path`].
    pub resource_path: String,
    /// `*` or a method.
    pub http_method: String,
    /// Requests at once.
    pub burst_limit: Option<f64>,
    /// Requests a second.
    pub rate_limit: Option<f64>,
}

pub(crate) fn read(resource: &Resource) -> Result<Api, TemplateError> {
    let mut fields = Fields::new("AWS::Serverless::Api", &resource.properties, Place::resource(&resource.logical_id))?;
    fields.text("Name")?;
    let mut auth = fields.inner("Auth", "AWS::Serverless::Api Auth")?;
    let default_authorizer = auth.text("DefaultAuthorizer")?;
    if auth.flag("AddDefaultAuthorizerToCorsPreflight")?.unwrap_or(true) && default_authorizer.is_some() {
        return Err(auth
            .place("AddDefaultAuthorizerToCorsPreflight")
            .error("must be false: a preflight carries no token"));
    }
    let authorizers = auth.entries("Authorizers")?.into_iter().map(authorizer).collect::<Result<Vec<_>, _>>()?;
    auth.finish()?;
    let cors = match fields.take("Cors") {
        None => None,
        Some(Value::String(origin)) => Some(Cors { allow_origin: unquoted(&origin), ..Cors::default() }),
        Some(value) => Some(cors(Fields::new("AWS::Serverless::Api Cors", &value, fields.place("Cors"))?)?),
    };
    let responses = fields.entries("GatewayResponses")?.into_iter().map(gateway_response).collect::<Result<_, _>>()?;
    let place = fields.place("MethodSettings");
    let settings = fields.list("MethodSettings")?;
    let api = Api {
        logical_id: resource.logical_id.clone(),
        id: resource.ref_value.clone(),
        stage: fields.required_text("StageName")?,
        authorizers,
        default_authorizer,
        cors,
        gateway_responses: responses,
        method_settings: settings
            .iter()
            .enumerate()
            .map(|(index, value)| method_setting(value, place.at(index)))
            .collect::<Result<_, _>>()?,
        binary_media_types: fields.texts("BinaryMediaTypes")?,
    };
    fields.finish()?;
    Ok(api)
}

/// Fills in what a route leaves to its API: the default authorizer and that one's scopes.
pub(crate) fn apply_defaults(function: &mut Function, apis: &[Api], place: &Place) -> Result<(), TemplateError> {
    for event in &mut function.events {
        let Event::Api(route) = event else { continue };
        let place = place.at("Events").at(&route.name).at("Properties");
        let api = apis
            .iter()
            .find(|api| api.id == route.api)
            .ok_or_else(|| place.at("RestApiId").error("is no API of this stack"))?;
        route.authorizer = match route.authorizer.take() {
            None => api.default_authorizer.clone(),
            Some(none) if none == "NONE" => None,
            Some(named) => Some(named),
        };
        let Some(name) = &route.authorizer else { continue };
        let authorizer = api.authorizers.iter().find(|authorizer| &authorizer.name == name);
        let authorizer =
            authorizer.ok_or_else(|| place.at("Auth").error(format!("the API has no authorizer {name}")))?;
        if route.scopes.is_empty() {
            route.scopes.clone_from(&authorizer.scopes);
        }
    }
    Ok(())
}

fn authorizer((name, value, place): (String, Value, Place)) -> Result<Authorizer, TemplateError> {
    let mut fields = Fields::new("AWS::Serverless::Api Authorizer", &value, place)?;
    let mut identity = fields.inner("Identity", "AWS::Serverless::Api Authorizer Identity")?;
    let header = identity.text("Header")?.unwrap_or_else(|| "Authorization".to_owned());
    identity.finish()?;
    let authorizer = Authorizer {
        name,
        user_pool_arn: fields.required_text("UserPoolArn")?,
        scopes: fields.texts("AuthorizationScopes")?,
        header,
    };
    fields.finish()?;
    Ok(authorizer)
}

fn cors(mut fields: Fields) -> Result<Cors, TemplateError> {
    let cors = Cors {
        allow_origin: unquoted(&fields.required_text("AllowOrigin")?),
        allow_headers: fields.text("AllowHeaders")?.map(|text| unquoted(&text)),
        allow_methods: fields.text("AllowMethods")?.map(|text| unquoted(&text)),
        max_age: fields.text("MaxAge")?.map(|text| unquoted(&text)),
        allow_credentials: fields.flag("AllowCredentials")?.unwrap_or(false),
    };
    fields.finish()?;
    Ok(cors)
}

fn gateway_response((name, value, place): (String, Value, Place)) -> Result<(String, GatewayResponse), TemplateError> {
    let mut fields = Fields::new("AWS::Serverless::Api GatewayResponse", &value, place)?;
    let mut parameters =
        fields.inner("ResponseParameters", "AWS::Serverless::Api GatewayResponse ResponseParameters")?;
    let headers = parameters.pairs("Headers")?.into_iter().map(|(name, value)| (name, unquoted(&value))).collect();
    parameters.finish()?;
    let templates = fields.pairs("ResponseTemplates")?;
    let response = GatewayResponse { status: fields.number("StatusCode")?, headers, templates };
    fields.finish()?;
    Ok((name, response))
}

fn method_setting(value: &Value, place: Place) -> Result<MethodSetting, TemplateError> {
    let mut fields = Fields::new("AWS::Serverless::Api MethodSettings", value, place)?;
    let setting = MethodSetting {
        // CloudFormation wants the inner slashes as ~1; `/*` stands for every path.
        resource_path: decoded(&fields.required_text("ResourcePath")?),
        http_method: fields.required_text("HttpMethod")?.to_uppercase(),
        burst_limit: fields.number("ThrottlingBurstLimit")?,
        rate_limit: fields.number("ThrottlingRateLimit")?,
    };
    fields.finish()?;
    Ok(setting)
}

/// `/~1auth~1sign-in` is `/auth/sign-in`.
fn decoded(path: &str) -> String {
    match path.strip_prefix("/~1") {
        Some(rest) => format!("/{}", rest.replace("~1", "/")),
        None => path.to_owned(),
    }
}

/// API Gateway's static values are text within single quotes.
fn unquoted(text: &str) -> String {
    text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')).unwrap_or(text).to_owned()
}
