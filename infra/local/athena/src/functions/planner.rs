//! Where plain SQL means something else in Trino: `/` and `avg` of decimals, EXTRACT, and moments as text.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::FunctionRegistry;
use datafusion::functions_aggregate::count::count_udaf;
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::logical_expr::expr::{AggregateFunction, Cast, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawAggregateExpr, RawBinaryExpr};
use datafusion::logical_expr::{Expr, ExprSchemable, ScalarUDF};
use datafusion::scalar::ScalarValue;
use datafusion::sql::sqlparser::ast::BinaryOperator;

use crate::functions::decimals::{self, AVERAGE, DIVIDE};
use crate::functions::moments::{self, TEXT};

/// Plans what differs. Knows its functions by name.
#[derive(Debug)]
pub(crate) struct Planner;

fn call(functions: Vec<super::Function>, name: &str, arguments: Vec<Expr>) -> Result<Expr> {
    let function = functions.into_iter().find(|function| function.name == name);
    let function = function.ok_or_else(|| DataFusionError::Internal(format!("no function {name}")))?;
    Ok(Expr::ScalarFunction(ScalarFunction::new_udf(ScalarUDF::new_from_impl(function).into(), arguments)))
}

impl ExprPlanner for Planner {
    fn plan_binary_op(&self, expr: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        if expr.op != BinaryOperator::Divide {
            return Ok(PlannerResult::Original(expr));
        }
        let kinds = [expr.left.get_type(schema)?, expr.right.get_type(schema)?];
        let is_decimal = |kind: &DataType| matches!(kind, DataType::Decimal128(..) | DataType::Decimal256(..));
        if !kinds.iter().any(is_decimal) || kinds.iter().any(|kind| decimals::decimal(kind).is_none()) {
            return Ok(PlannerResult::Original(expr));
        }
        call(decimals::all(), DIVIDE, vec![expr.left, expr.right]).map(PlannerResult::Planned)
    }

    fn plan_extract(&self, arguments: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        let field = match arguments.as_slice() {
            [Expr::Literal(ScalarValue::Utf8(Some(field)), _), _] => field.to_lowercase(),
            _ => return Ok(PlannerResult::Original(arguments)),
        };
        let known = moments::FIELDS.iter().find(|(names, _)| names.contains(&field.as_str()));
        match (known, arguments.last()) {
            (Some((names, _)), Some(from)) => {
                call(moments::all(), names[0], vec![from.clone()]).map(PlannerResult::Planned)
            }
            _ => Err(DataFusionError::Plan(format!("Invalid EXTRACT field: {field}"))),
        }
    }

    fn plan_aggregate(&self, expr: RawAggregateExpr) -> Result<PlannerResult<RawAggregateExpr>> {
        if expr.func.name() != "avg" || expr.args.len() != 1 {
            return Ok(PlannerResult::Original(expr));
        }
        let of = |function| {
            Expr::AggregateFunction(AggregateFunction::new_udf(
                function,
                expr.args.clone(),
                expr.distinct,
                expr.filter.clone(),
                expr.order_by.clone(),
                expr.null_treatment,
            ))
        };
        call(decimals::all(), AVERAGE, vec![of(sum_udaf()), of(count_udaf())]).map(PlannerResult::Planned)
    }
}

/// `CAST(moment AS VARCHAR)`: a space where ISO 8601 has a T, and three digits behind the point.
#[derive(Debug)]
pub(crate) struct MomentsAsText;

impl FunctionRewrite for MomentsAsText {
    fn name(&self) -> &str {
        "moments_as_text"
    }

    fn rewrite(&self, expr: Expr, schema: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        match expr {
            Expr::Cast(Cast { expr: inner, field })
                if field.data_type().is_string() && matches!(inner.get_type(schema)?, DataType::Timestamp(..)) =>
            {
                call(moments::all(), TEXT, vec![*inner]).map(Transformed::yes)
            }
            other => Ok(Transformed::no(other)),
        }
    }
}

/// Registers the rewriting.
pub(crate) fn rewrite(registry: &mut dyn FunctionRegistry) -> Result<()> {
    registry.register_function_rewrite(std::sync::Arc::new(MomentsAsText))
}
