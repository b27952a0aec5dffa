//! The functions a query may call. Each is known to Athena; none reads anything but its arguments, and none makes much out of little.

/// Functions of one row.
const PLAIN: &[&str] = &[
    // conditions
    "coalesce",
    "nullif",
    "greatest",
    "least",
    // text
    "concat",
    "length",
    "lower",
    "ltrim",
    "replace",
    "reverse",
    "rtrim",
    "split_part",
    "starts_with",
    "strpos",
    "substr",
    "upper",
    // numbers
    "abs",
    "exp",
    "ln",
    "log10",
    "mod",
    "power",
    "round",
    "sign",
    "sqrt",
    // time
    "current_date",
    "date_trunc",
];

/// Functions of many rows; also over a window.
const AGGREGATES: &[&str] = &[
    "avg",
    "bool_and",
    "bool_or",
    "corr",
    "count",
    "covar_pop",
    "covar_samp",
    "max",
    "min",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "sum",
    "var_pop",
    "var_samp",
];

/// Functions over a window only.
const WINDOWS: &[&str] = &[
    "cume_dist",
    "dense_rank",
    "first_value",
    "lag",
    "last_value",
    "lead",
    "nth_value",
    "ntile",
    "percent_rank",
    "rank",
    "row_number",
];

/// What a function is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nature {
    Plain,
    Aggregate,
    Window,
}

/// What the function of this name is; `None` if it may not be called.
pub(super) fn nature(name: &str) -> Option<Nature> {
    let name = name.to_ascii_lowercase();
    [(PLAIN, Nature::Plain), (AGGREGATES, Nature::Aggregate), (WINDOWS, Nature::Window)]
        .into_iter()
        .find_map(|(names, nature)| names.contains(&name.as_str()).then_some(nature))
}

/// All of them, for who asks.
pub fn names() -> impl Iterator<Item = &'static str> {
    [PLAIN, AGGREGATES, WINDOWS].into_iter().flatten().copied()
}
