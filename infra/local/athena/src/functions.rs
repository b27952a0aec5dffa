//! Trino's functions that the engine lacks or has otherwise.

mod decimals;
mod format;
mod moments;
mod planner;

use std::fmt::{self, Debug};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::error::{DataFusionError, Result};
use datafusion::functions_aggregate::approx_percentile_cont::approx_percentile_cont_udaf;
use datafusion::functions_aggregate::first_last::first_value_udaf;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use datafusion::prelude::SessionContext;

pub(crate) use planner::{Planner, rewrite};

/// Makes the functions known.
pub(crate) fn register(context: &SessionContext) {
    for function in decimals::all().into_iter().chain(moments::all()) {
        context.register_udf(ScalarUDF::new_from_impl(function));
    }
    context.register_udaf(approx_percentile_cont_udaf().as_ref().clone().with_aliases(["approx_percentile"]));
    context.register_udaf(first_value_udaf().as_ref().clone().with_aliases(["arbitrary", "any_value"]));
}

type ReturnType = fn(&[DataType]) -> Result<DataType>;
type Body = Box<dyn Fn(&[ArrayRef], &DataType) -> Result<ArrayRef> + Send + Sync>;

/// A function of rows: equal in name is equal.
pub(crate) struct Function {
    name: &'static str,
    signature: Signature,
    return_type: ReturnType,
    body: Body,
}

impl Function {
    /// A function of so many arguments. It looks at their types itself.
    fn new(
        name: &'static str,
        arguments: usize,
        return_type: ReturnType,
        body: impl Fn(&[ArrayRef], &DataType) -> Result<ArrayRef> + Send + Sync + 'static,
    ) -> Self {
        Self { name, signature: Signature::any(arguments, Volatility::Immutable), return_type, body: Box::new(body) }
    }
}

impl Debug for Function {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Function {}

impl Hash for Function {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        (self.return_type)(arguments)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let mut arrays = Vec::with_capacity(arguments.args.len());
        let scalars = arguments.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let rows = if scalars { 1 } else { arguments.number_rows };
        for value in &arguments.args {
            arrays.push(value.to_array(rows)?);
        }
        let array = (self.body)(&arrays, arguments.return_field.data_type())?;
        if scalars {
            return Ok(ColumnarValue::Scalar(datafusion::scalar::ScalarValue::try_from_array(&array, 0)?));
        }
        Ok(ColumnarValue::Array(array))
    }
}

fn wrong(name: &str, arguments: &[DataType]) -> DataFusionError {
    let types: Vec<_> = arguments.iter().map(|kind| crate::types::ResultColumn::of("", kind).kind).collect();
    DataFusionError::Plan(format!("Unexpected parameters ({}) for function {name}", types.join(", ")))
}

fn as_text(array: &ArrayRef) -> Result<ArrayRef> {
    Ok(if array.data_type() == &DataType::Utf8 { Arc::clone(array) } else { cast(array, &DataType::Utf8)? })
}
