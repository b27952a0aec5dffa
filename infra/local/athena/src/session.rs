//! One query in the engine: the tables it names, its plan, its bounds. Nothing is shared between queries, least of all a list of
//! files that was right a moment ago.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{
    CatalogProvider, MemoryCatalogProvider, MemorySchemaProvider, SchemaProvider, TableProvider,
};
use datafusion::common::TableReference;
use datafusion::datasource::ViewTable;
use datafusion::datasource::empty::EmptyTable;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::context::{SQLOptions, SessionState};
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, cast, col};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::sql::parser::Statement as EngineStatement;
use datafusion::sql::sqlparser::ast::Statement;
use futures::future::BoxFuture;
use url::Url;

use crate::failure::Failure;
use crate::functions;
use crate::location;
use crate::sql::{Asked, Sql};
use crate::{CATALOG, Catalogue, Limits, Table, View, types};

/// How deep views may stand upon views.
const VIEW_LIMIT: usize = 16;

pub(crate) struct Session {
    catalogue: Arc<Catalogue>,
    objects: PathBuf,
    context: SessionContext,
    schemas: BTreeMap<String, Arc<MemorySchemaProvider>>,
}

impl Session {
    pub(crate) fn new(catalogue: Arc<Catalogue>, objects: PathBuf, database: &str, limits: &Limits) -> Result<Self> {
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(limits.memory)))
            .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled))
            .build_arc()?;
        let state = SessionStateBuilder::new()
            .with_config(config(database))
            .with_runtime_env(runtime)
            .with_expr_planners(vec![Arc::new(functions::Planner)]) // before the engine's own
            .with_default_features()
            .build();
        let context = SessionContext::new_with_state(state);
        functions::register(&context);
        functions::rewrite(&mut *context.state_ref().write())?;
        let provider = MemoryCatalogProvider::new();
        let mut schemas = BTreeMap::new();
        for name in catalogue.databases.keys() {
            let schema = Arc::new(MemorySchemaProvider::new());
            provider.register_schema(name, schema.clone())?;
            schemas.insert(name.clone(), schema);
        }
        context.register_catalog(CATALOG, Arc::new(provider));
        Ok(Self { catalogue, objects, context, schemas })
    }

    /// The plan of a query that reads and does nothing else.
    pub(crate) async fn plan(&self, statement: Statement, sql: &Sql) -> Result<Arc<dyn ExecutionPlan>> {
        let state = self.context.state();
        let plan = self.logical(&state, statement, sql, 0).await?;
        let reads_only = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        reads_only.verify_plan(&plan)?;
        self.context.state().create_physical_plan(&plan).await
    }

    /// What tasks of the plan run in.
    pub(crate) fn tasks(&self) -> Arc<datafusion::execution::TaskContext> {
        self.context.task_ctx()
    }

    fn logical<'s>(
        &'s self,
        state: &'s SessionState,
        statement: Statement,
        sql: &'s Sql,
        depth: usize,
    ) -> BoxFuture<'s, Result<LogicalPlan>> {
        Box::pin(async move {
            let statement = EngineStatement::Statement(Box::new(statement));
            for reference in state.resolve_table_references(&statement)? {
                self.register(state, &reference, sql, depth).await?;
            }
            state.statement_to_plan(statement).await
        })
    }

    /// Makes a table of the catalogue known to the engine.
    async fn register(&self, state: &SessionState, reference: &TableReference, sql: &Sql, depth: usize) -> Result<()> {
        let options = &state.config_options().catalog;
        let resolved = reference.clone().resolve(&options.default_catalog, &options.default_schema);
        let (catalog, database) = (resolved.catalog.to_lowercase(), resolved.schema.to_lowercase());
        let name = resolved.table.to_lowercase();
        let place = sql.place_of(&name);
        if catalog != CATALOG {
            return Err(Failure::new("CATALOG_NOT_FOUND", format!("{place}: Catalog '{catalog}' not found")).into());
        }
        let (Some(schema), Some(tables)) = (self.schemas.get(&database), self.catalogue.databases.get(&database))
        else {
            return Err(Failure::new("SCHEMA_NOT_FOUND", format!("{place}: Schema '{database}' does not exist")).into());
        };
        let Some(table) = tables.tables.get(&name) else {
            let message = format!("{place}: Table '{CATALOG}.{database}.{name}' does not exist");
            return Err(Failure::new("TABLE_NOT_FOUND", message).into());
        };
        if schema.table_exist(&name) {
            return Ok(());
        }
        let provider = match &table.view {
            Some(view) => self.view(state, &name, view, depth).await?,
            None => self.table(table)?,
        };
        schema.register_table(name, provider)?;
        Ok(())
    }

    async fn view(
        &self,
        state: &SessionState,
        name: &str,
        view: &View,
        depth: usize,
    ) -> Result<Arc<dyn TableProvider>> {
        let invalid = |reason: &dyn std::fmt::Display| {
            DataFusionError::from(Failure::new("INVALID_VIEW", format!("View '{name}': {reason}")))
        };
        if depth >= VIEW_LIMIT {
            return Err(invalid(&"it stands upon itself, or upon too many others"));
        }
        let sql = Sql::read(&view.sql).map_err(|malformed| invalid(&malformed.0))?;
        let statement = match sql.asked().map_err(|malformed| invalid(&malformed.0))? {
            Asked::Query(statement) => *statement,
            _ => return Err(invalid(&"its text is no query")),
        };
        let own = SessionStateBuilder::new_from_existing(state.clone()).with_config(config(&view.database)).build();
        let plan = self.logical(&own, statement, &sql, depth + 1).await;
        let plan = plan.map_err(|error| invalid(&Failure::of(&error, &sql)))?;
        // A view's columns have the types that are written down, whatever the engine makes of the query.
        let mut columns = Vec::with_capacity(view.columns.len());
        for column in &view.columns {
            let found = plan.schema().fields().iter().any(|field| field.name() == &column.name);
            if !found {
                return Err(invalid(&format!("its query has no column {}", column.name)));
            }
            let kind = types::arrow(&column.kind).map_err(|error| invalid(&error))?;
            columns.push(cast(col(column.name.as_str()), kind).alias(&column.name));
        }
        let plan = LogicalPlanBuilder::from(plan).alias(name)?.project(columns)?.build()?;
        Ok(Arc::new(ViewTable::new(plan, None)))
    }

    fn table(&self, table: &Table) -> Result<Arc<dyn TableProvider>> {
        let kind = |kind: &str| {
            types::arrow(kind).map_err(|error| DataFusionError::from(Failure::new("NOT_SUPPORTED", error)))
        };
        let mut fields = Vec::with_capacity(table.columns.len());
        for column in &table.columns {
            fields.push(Field::new(&column.name, kind(&column.kind)?, true));
        }
        let mut partitions: Vec<(String, DataType)> = Vec::new();
        for key in &table.partition_keys {
            partitions.push((key.name.clone(), kind(&key.kind)?));
        }
        let folder = location::folder(&self.objects, &table.location)
            .ok_or_else(|| Failure::new("HIVE_METASTORE_ERROR", format!("{} is no location", table.location)))?;
        let schema: SchemaRef = Arc::new(Schema::new(fields.clone()));
        // A table without a single object is empty, not missing.
        let Some(url) = folder.canonicalize().ok().and_then(|folder| Url::from_directory_path(folder).ok()) else {
            fields.extend(partitions.iter().map(|(name, kind)| Field::new(name, kind.clone(), true)));
            return Ok(Arc::new(EmptyTable::new(Arc::new(Schema::new(fields)))));
        };
        let options = ListingOptions::new(Arc::new(ParquetFormat::default()))
            .with_file_extension("") // Athena reads whatever lies there
            .with_table_partition_cols(partitions);
        let config = ListingTableConfig::new(ListingTableUrl::try_new(url, None)?)
            .with_listing_options(options)
            .with_schema(schema);
        Ok(Arc::new(ListingTable::try_new(config)?))
    }
}

fn config(database: &str) -> SessionConfig {
    let mut config = SessionConfig::new()
        .with_create_default_catalog_and_schema(false)
        .with_default_catalog_and_schema(CATALOG, database)
        .with_information_schema(false)
        .with_collect_statistics(false) // would read every footer before the query does
        .with_target_partitions(std::thread::available_parallelism().map_or(2, usize::from).min(4));
    let options = config.options_mut();
    options.sql_parser.parse_float_as_decimal = true; // 0.1 is a decimal in Trino
    options.sql_parser.map_string_types_to_utf8view = false;
    options.sql_parser.default_null_ordering = "nulls_last".to_owned(); // in both directions
    options.execution.parquet.schema_force_view_types = false;
    config
}
