//! What S3 promises, seen from outside: the AWS SDK over HTTP, and requests that no SDK would make.

mod durability;
mod hostile;
mod sdk;
mod world;
