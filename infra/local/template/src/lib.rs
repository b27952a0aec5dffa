//! Reads `template.yaml` as CloudFormation and SAM would, and answers what a stack made from it contains.
//!
//! The physical name of everything follows from the stack's name and the logical id alone, so every `!Ref` and `!GetAtt` is known
//! before anything runs, and the same stack has the same names after a restart.
//!
//! What it must never do: read anything but the template (no environment, no clock, no AWS), know a function of ours by name,
//! or pass over a resource or property that it does not understand. Silence there would be a stack that behaves otherwise on AWS;
//! so it is an error that names both, unless [`catalogue`] says why it may be ignored.

pub mod catalogue;

mod api;
mod document;
mod error;
mod events;
mod fields;
mod function;
mod globals;
mod intrinsics;
mod parameters;
mod physical;
mod stack;
mod stores;
mod yaml;

pub use api::{Api, Authorizer, Cors, GatewayResponse, MethodSetting};
pub use document::{Output, Parameter, RawResource, Template};
pub use error::TemplateError;
pub use events::{Event, Route, ScheduleExpression, ScheduleSource, SqsSource, StreamSource};
pub use function::Function;
pub use stack::{Options, Resource, Stack, load};
pub use stores::{Bucket, Group, Queue, ResourceServer, Secret, Table, Topic, UserPool, UserPoolClient};
