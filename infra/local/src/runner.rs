//! Puts the pieces together: template, state, services, functions, gateway, event sources; and takes them apart again.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use http::header::{HeaderValue, LOCATION};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use local_cognito::Cognito;
use local_lambda::{FunctionSpec, Lambda, LambdaOptions};
use local_sqs::Sqs;
use local_template::{Function, Options, Stack, Template};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::aws_endpoint::{self, AwsEndpoint};
use crate::config::Config;
use crate::data::DataDirectory;
use crate::demo;
use crate::dynamodb::DynamoDb;
use crate::faults::Faults;
use crate::gateway::Gateway;
use crate::hooks::PoolHooks;
use crate::pages::{Client, Pages};
use crate::secrets::Secrets;
use crate::serve::{Answer, serve};
use crate::sns::{Outbox, Sns};
use crate::sources::{Asynchronous, Board, Services, Sources, most_at_once};
use crate::supplier::VoucherSupplier;
use crate::{binaries, body};

/// Largest body of a `/_local` page.
const PAGE_BODY_LIMIT: usize = 64 * 1024;

/// The parameters that say where vouchers are ordered, and with which token.
const SUPPLIER_URL: &str = "VoucherSupplierUrl";
const SUPPLIER_TOKEN: &str = "VoucherSupplierToken";

/// A stack that runs on this machine.
pub struct Runner {
    api_address: SocketAddr,
    aws_address: SocketAddr,
    stack: Stack,
    data: DataDirectory,
    log: crate::log::Log,
    cognito: Cognito,
    lambda: Lambda,
    sources: Sources,
    dynamodb: DynamoDb,
    supplier: VoucherSupplier,
    front: (watch::Sender<bool>, JoinHandle<()>),
    back: (watch::Sender<bool>, JoinHandle<()>),
    demo_problems: Vec<String>,
}

impl Runner {
    /// Builds what is to be built, brings the state up to the template and serves. When it returns, requests are answered.
    pub async fn start(config: Config) -> Result<Self> {
        let template = config.root.join("template.yaml");
        if !template.is_file() {
            bail!("{} has no template.yaml; start in the repository, or name it with --root", config.root.display());
        }
        let data = DataDirectory::open(&config.data, config.fresh)?;
        let (api_listener, aws_listener) = data.bind(config.port, config.aws_port)?;
        let (api_address, aws_address) = (api_listener.local_addr()?, aws_listener.local_addr()?);
        let aws_url = format!("http://localhost:{}", aws_address.port());
        let supplier = supplier(&config, &data)?;
        let stack = load(&config, &template, &aws_url, &supplier)?;
        if config.build {
            binaries::build(&config.root, &config.profile, config.quiet).await?;
        }

        let dynamodb = DynamoDb::start(&data.file("dynamodb.db"), stack.tables())?;
        let sqs =
            Sqs::open(&data.file("sqs.db"), &aws_url, &stack.account, &stack.region).context("opening the queues")?;
        for queue in stack.queues() {
            let ensured = sqs.ensure_queue(&queue.name, &queue.attributes);
            ensured.with_context(|| format!("queue {}", queue.logical_id))?;
        }
        sqs.release_in_flight().context("giving messages back")?;
        let outbox = Outbox::open(&data.file("outbox.db")).context("opening the outbox")?;
        let sns = Sns::open(&data.file("sns.db"), &stack.account, &stack.region, outbox.clone(), sqs.clone());
        let sns = sns.context("opening the topics")?;
        for topic in stack.topics() {
            sns.ensure_topic(&topic.name).with_context(|| format!("topic {}", topic.logical_id))?;
        }
        let secrets = secrets(&data, &stack)?;

        let lambda = functions(&config, &stack, aws_address, &dynamodb)?;
        let hooks = PoolHooks { lambda: lambda.clone(), outbox: outbox.clone(), log: config.log.clone() };
        let (cognito, clients) = user_pools(&data, &stack, &aws_url, hooks).await?;

        let faults = Arc::new(Faults::new(stack.functions()));
        faults.set(config.faults.clone().unwrap_or_default()).map_err(anyhow::Error::msg).context("the faults")?;
        let board = Board::default();
        let stage = stack.api().map_or("", |api| api.stage.as_str());
        let pages = Arc::new(Pages {
            outbox,
            sqs: sqs.clone(),
            lambda: lambda.clone(),
            clients,
            board: board.clone(),
            faults: faults.clone(),
            faults_reach_functions: config.faults.is_some(),
            supplier: supplier.clone(),
            api_url: format!("http://localhost:{}/{stage}", api_address.port()),
            aws_url: aws_url.clone(),
        });
        let sources_state = data.file("sources.json");
        let services = Services {
            invoke: Arc::new(lambda.clone()),
            sqs: sqs.clone(),
            log: config.log.clone(),
            faults: faults.clone(),
            board,
        };
        let asynchronous = Arc::new(Asynchronous::new(services.clone()));
        let endpoint = AwsEndpoint {
            region: stack.region.clone(),
            dynamodb: dynamodb.address().to_string(),
            client: aws_endpoint::client(),
            faults,
            sqs,
            sns,
            cognito: cognito.clone(),
            secrets,
            lambda: lambda.clone(),
            asynchronous,
            functions: stack.functions().to_vec(),
            pages: pages.clone(),
        };
        let authority = format!("localhost:{}", api_address.port());
        let gateway =
            Gateway::new(&stack, &authority, Arc::new(cognito.clone()), Arc::new(lambda.clone()), config.log.clone());
        let back = spawn_back(aws_listener, Arc::new(endpoint))?;
        let front = spawn_front(api_listener, Front { gateway, pages, docs: docs(&stack) })?;
        // The sources call functions, and those call the endpoint: last in, first out.
        let sources = Sources::start(&services, dynamodb.database(), stack.functions(), &sources_state)?;

        let mut runner = Self {
            api_address,
            aws_address,
            stack,
            data,
            log: config.log,
            cognito,
            lambda,
            sources,
            dynamodb,
            supplier,
            front,
            back,
            demo_problems: Vec::new(),
        };
        if config.demo && !runner.data.has_demo() {
            runner.set_up_demo().await;
        }
        Ok(runner)
    }

    /// The API gateway, without the stage.
    pub fn url(&self) -> String {
        format!("http://{}", self.api_address)
    }

    /// The API with its stage: what routes are relative to.
    pub fn api_url(&self) -> String {
        format!("{}/{}", self.url(), self.stack.api().map_or("", |api| api.stage.as_str()))
    }

    /// The AWS services.
    pub fn aws_url(&self) -> String {
        format!("http://{}", self.aws_address)
    }

    /// The embedded DynamoDB, without the detour over the AWS port.
    pub fn dynamodb_url(&self) -> String {
        self.dynamodb.url()
    }

    /// The simulated supplier of vouchers.
    pub fn supplier(&self) -> &VoucherSupplier {
        &self.supplier
    }

    /// What the template makes.
    pub fn stack(&self) -> &Stack {
        &self.stack
    }

    /// Where the state lives.
    pub fn data(&self) -> &std::path::Path {
        self.data.path()
    }

    /// The functions.
    pub fn lambda(&self) -> &Lambda {
        &self.lambda
    }

    /// What went wrong when the demo was set up. It is tried again at the next start.
    pub fn demo_problems(&self) -> &[String] {
        &self.demo_problems
    }

    /// Stops in order: no new requests, then no new events, then the functions, then the services they used.
    pub async fn shutdown(mut self) {
        self.front.0.send_replace(true);
        self.sources.shutdown().await;
        drop((&mut self.front.1).await);
        self.lambda.shutdown().await;
        self.supplier.shutdown().await;
        self.back.0.send_replace(true);
        drop((&mut self.back.1).await);
        let mut dynamodb = self.dynamodb;
        drop(tokio::task::spawn_blocking(move || dynamodb.stop()).await);
    }

    async fn set_up_demo(&mut self) {
        let demo = demo::Demo {
            stack: &self.stack,
            cognito: &self.cognito,
            lambda: &self.lambda,
            api_url: self.api_url(),
            client: aws_endpoint::client(),
        };
        match demo.set_up().await {
            Ok(()) => {
                if let Err(error) = self.data.set_demo() {
                    self.log.line("demo", format!("{error:#}"));
                }
            }
            Err(error) => self.demo_problems.push(format!("{error:#}")),
        }
    }
}

/// The template with the parameters given, and with the simulated supplier where none is named.
fn load(config: &Config, template: &std::path::Path, aws_url: &str, supplier: &VoucherSupplier) -> Result<Stack> {
    let mut options = Options::local(aws_url);
    let resolved = Template::read(template).and_then(|template| {
        let declares = |name: &str| template.parameters.contains_key(name);
        if declares(SUPPLIER_URL) && declares(SUPPLIER_TOKEN) {
            let simulated = [(SUPPLIER_URL, supplier.url()), (SUPPLIER_TOKEN, supplier.token().to_owned())];
            if !config.parameters.contains_key(SUPPLIER_URL) {
                options.parameters.extend(simulated.map(|(name, value)| (name.to_owned(), value)));
            }
        }
        options.parameters.extend(config.parameters.clone());
        template.resolve(&options)
    });
    resolved.with_context(|| format!("{}", template.display()))
}

/// The simulated supplier. It knows its clients by the token that the functions are given.
fn supplier(config: &Config, data: &DataDirectory) -> Result<VoucherSupplier> {
    let token = match config.parameters.get(SUPPLIER_TOKEN) {
        Some(token) => token.clone(),
        None => format!("local-{:032x}", fastrand::u128(..)),
    };
    VoucherSupplier::open(&data.file("supplier.db"), config.supplier_port, &token)
}

fn secrets(data: &DataDirectory, stack: &Stack) -> Result<Secrets> {
    let secrets =
        Secrets::open(&data.file("secrets.db"), &stack.account, &stack.region).context("opening the secrets")?;
    for secret in stack.secrets() {
        let properties = &stack.resources[&secret.logical_id].properties;
        let ensured = secrets.ensure_secret(&secret.name, &secret.arn, properties);
        ensured.with_context(|| format!("secret {}", secret.logical_id))?;
    }
    Ok(secrets)
}

/// The processes of the stack's functions, with the environment that says where they are.
fn functions(config: &Config, stack: &Stack, aws_address: SocketAddr, dynamodb: &DynamoDb) -> Result<Lambda> {
    let directory = binaries::directory(&config.root, &config.profile);
    let aws_url = format!("http://{aws_address}");
    // Faults stand on the AWS port, which costs a call 0.15 ms. Whoever measures goes straight to the engine.
    let dynamodb_url = match &config.dynamodb {
        Some(url) => url.clone(),
        None if config.faults.is_some() => aws_url.clone(),
        None => dynamodb.url(),
    };
    let specs = stack.functions().iter().map(|function| {
        Ok(FunctionSpec {
            name: function.name.clone(),
            arn: function.arn.clone(),
            bootstrap: binaries::find(&directory, function)?,
            timeout: std::time::Duration::from_secs(function.timeout_s),
            memory_mb: function.memory_mb,
            // What event sources may call at once must find a process: a message that waits for one wears out.
            max_instances: function
                .reserved_concurrency
                .map_or_else(|| config.max_instances.max(most_at_once(function)), |limit| limit as usize),
            environment: environment(function, stack, &aws_url, &dynamodb_url),
            log_group: function.log_group.clone(),
        })
    });
    let specs = specs.collect::<Result<Vec<_>>>()?;
    Ok(Lambda::new(specs, LambdaOptions { logs: config.log.sink(), ..LambdaOptions::default() }))
}

fn environment(function: &Function, stack: &Stack, aws_url: &str, dynamodb_url: &str) -> BTreeMap<String, String> {
    let mut environment = BTreeMap::from(
        [
            ("AWS_REGION", stack.region.as_str()),
            ("AWS_DEFAULT_REGION", &stack.region),
            ("AWS_SECRET_ACCESS_KEY", "local"),
            ("AWS_SESSION_TOKEN", "local"),
            ("AWS_ENDPOINT_URL", aws_url),
            ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb_url),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    environment.extend(function.environment.clone());
    environment
}

/// The user pools, and the clients for their page. Making a pool takes RSA keys, which is work for a thread of its own.
async fn user_pools(
    data: &DataDirectory,
    stack: &Stack,
    aws_url: &str,
    hooks: PoolHooks,
) -> Result<(Cognito, Vec<Client>)> {
    let (file, stack, aws_url) = (data.file("cognito.db"), stack.clone(), aws_url.to_owned());
    let opened = tokio::task::spawn_blocking(move || -> Result<(Cognito, Vec<Client>)> {
        let cognito = Cognito::open(&file, &aws_url, &stack.region, &stack.account, Arc::new(hooks))
            .context("opening the user pools")?;
        for pool in stack.user_pools() {
            cognito.ensure_pool(&pool.id, &pool.properties).with_context(|| pool.logical_id.clone())?;
        }
        for server in stack.resource_servers() {
            let ensured = cognito.ensure_resource_server(&server.user_pool_id, &server.properties);
            ensured.with_context(|| server.logical_id.clone())?;
        }
        for group in stack.groups() {
            let ensured = cognito.ensure_group(&group.user_pool_id, &group.properties);
            ensured.with_context(|| group.logical_id.clone())?;
        }
        let mut clients = Vec::new();
        for client in stack.user_pool_clients() {
            let info = cognito.ensure_client(&client.user_pool_id, &client.id, &client.properties);
            let info = info.with_context(|| client.logical_id.clone())?;
            let scopes = client.properties["AllowedOAuthScopes"].as_array().into_iter().flatten();
            clients.push(Client {
                name: client.logical_id.clone(),
                client_id: info.client_id,
                client_secret: info.client_secret,
                user_pool_id: client.user_pool_id.clone(),
                token_url: format!("{aws_url}/oauth2/token"),
                scopes: scopes.filter_map(Value::as_str).map(str::to_owned).collect(),
            });
        }
        Ok((cognito, clients))
    });
    opened.await.context("setting up the user pools")?
}

/// What answers on the API's port.
struct Front {
    gateway: Option<Gateway>,
    pages: Arc<Pages>,
    /// Where `/docs` leads to.
    docs: Option<HeaderValue>,
}

impl Front {
    async fn handle(&self, request: Request<Incoming>, peer: SocketAddr) -> Answer {
        let path = request.uri().path();
        if Pages::has(path) {
            let (parts, body) = request.into_parts();
            return match body::read(&parts.headers, body, PAGE_BODY_LIMIT).await {
                Ok(body) => self.pages.answer(Request::from_parts(parts, body)).await,
                Err(_) => status_only(StatusCode::PAYLOAD_TOO_LARGE),
            };
        }
        if matches!(path, "/docs" | "/docs/")
            && let Some(docs) = &self.docs
        {
            let mut response = status_only(StatusCode::TEMPORARY_REDIRECT);
            response.headers_mut().insert(LOCATION, docs.clone());
            return response;
        }
        match &self.gateway {
            Some(gateway) => gateway.handle(request, peer).await,
            None => status_only(StatusCode::NOT_FOUND),
        }
    }
}

/// The stage's path to the documentation, if the API has one.
fn docs(stack: &Stack) -> Option<HeaderValue> {
    let api = stack.api()?;
    let routes = stack.functions().iter().flat_map(|function| &function.events);
    let has = routes.filter_map(|event| match event {
        local_template::Event::Api(route) => Some(route),
        _ => None,
    });
    let exists = has.clone().any(|route| route.path == "/docs");
    exists.then(|| HeaderValue::from_str(&format!("/{}/docs", api.stage)).ok()).flatten()
}

fn status_only(status: StatusCode) -> Answer {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

type Serving = (watch::Sender<bool>, JoinHandle<()>);

fn spawn_front(listener: std::net::TcpListener, front: Front) -> Result<Serving> {
    let (stop, stopped) = watch::channel(false);
    let front = Arc::new(front);
    let handler = move |request, peer| {
        let front = front.clone();
        async move { front.handle(request, peer).await }
    };
    Ok((stop, tokio::spawn(serve(TcpListener::from_std(listener)?, handler, stopped))))
}

fn spawn_back(listener: std::net::TcpListener, endpoint: Arc<AwsEndpoint>) -> Result<Serving> {
    let (stop, stopped) = watch::channel(false);
    let handler = move |request, _| {
        let endpoint = endpoint.clone();
        async move { endpoint.handle(request).await }
    };
    Ok((stop, tokio::spawn(serve(TcpListener::from_std(listener)?, handler, stopped))))
}
