//! What AWS asks for, and what one operation costs at that.

use super::counter::Consumed;

/// When the prices were read, and where.
pub const DATE: &str = "us-east-1, November 2026, on demand, no free tier";

/// Dollars per million units unless said otherwise.
pub struct Prices {
    /// API Gateway, REST: per million requests.
    pub api: f64,
    /// Lambda: per million invocations.
    pub invocations: f64,
    /// Lambda arm64: per GB-second.
    pub gb_second: f64,
    /// DynamoDB: per million write request units.
    pub writes: f64,
    /// DynamoDB: per million read request units.
    pub reads: f64,
    /// CloudWatch Logs: per GB taken in.
    pub log_gb: f64,
    /// SQS FIFO: per million requests.
    pub fifo: f64,
}

/// The prices of [`DATE`].
pub const PRICES: Prices = Prices {
    api: 3.50,
    invocations: 0.20,
    gb_second: 0.000_013_333_4,
    writes: 0.625,
    reads: 0.125,
    log_gb: 0.50,
    fifo: 0.50,
};

/// Billed time that a DynamoDB request adds on AWS, in milliseconds: the network and the service, which a laptop
/// does not show. An assumption, stated in the report.
pub const DYNAMODB_MS: f64 = 5.0;

/// Dollars of a million operations, part by part.
#[derive(Clone, Copy, Debug)]
pub struct Bill {
    /// The gateway.
    pub api: f64,
    /// Invocations and their time.
    pub lambda: f64,
    /// Reads and writes.
    pub dynamodb: f64,
    /// Log lines.
    pub logs: f64,
}

impl Bill {
    /// Of an operation that consumed this, took `cpu_ms` of CPU in `memory_mb` and wrote so many bytes of log.
    pub fn of(consumed: &Consumed, cpu_ms: f64, memory_mb: u32, log_bytes: f64) -> Self {
        // CPU is given in proportion to memory: 1,769 MB are one core.
        let own = cpu_ms * (1769.0 / f64::from(memory_mb)).max(1.0);
        let billed_ms = (own + DYNAMODB_MS * consumed.requests.len() as f64).ceil();
        let gb_seconds = billed_ms / 1e3 * f64::from(memory_mb) / 1024.0;
        Self {
            api: PRICES.api,
            lambda: PRICES.invocations + gb_seconds * 1e6 * PRICES.gb_second,
            dynamodb: (consumed.table_writes + consumed.index_writes) * PRICES.writes + consumed.reads * PRICES.reads,
            logs: log_bytes / 1e9 * 1e6 * PRICES.log_gb,
        }
    }

    /// All of it.
    pub fn total(self) -> f64 {
        self.api + self.lambda + self.dynamodb + self.logs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transfer_of_eight_write_units_costs_five_dollars_of_dynamodb_a_million() {
        let consumed =
            Consumed { requests: vec!["TransactWriteItems".into()], table_writes: 6.0, index_writes: 2.0, reads: 0.0 };
        let bill = Bill::of(&consumed, 0.5, 256, 400.0);
        assert!((bill.dynamodb - 5.0).abs() < 1e-9);
        assert!((bill.logs - 0.2).abs() < 1e-9);
        // 0.5 ms at 256/1769 of a core are 3.5 ms, and 5 for the request: 9 ms billed.
        assert!((bill.lambda - 0.2 - 0.009 * 0.25 * 13.333_4).abs() < 1e-6);
        assert!((bill.total() - (3.5 + bill.lambda + 5.0 + 0.2)).abs() < 1e-9);
    }
}
