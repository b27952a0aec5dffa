//! The repository's own rules: what no compiler and no linter sees, and what a reader would otherwise have to remember.
//!
//! Each rule is a function from the repository (or a text) to the list of what breaks it. It is held here on the repository as it is,
//! and [`mutations`] breaks every one of them on purpose, so that none is a rule in name only.

#[path = "tidy/alarms.rs"]
mod alarms;
#[path = "tidy/calls.rs"]
mod calls;
#[path = "tidy/dependencies.rs"]
mod dependencies;
#[path = "tidy/gateway.rs"]
mod gateway;
#[path = "tidy/layout.rs"]
mod layout;
#[path = "tidy/mutations.rs"]
mod mutations;
#[path = "tidy/names.rs"]
mod names;
#[path = "tidy/permissions.rs"]
mod permissions;
#[path = "tidy/queues.rs"]
mod queues;
#[path = "tidy/repository.rs"]
mod repository;
#[path = "tidy/routes.rs"]
mod routes;
#[path = "tidy/stores.rs"]
mod stores;

use repository::Repository;

/// Fails with everything that breaks the rule, one a line.
#[track_caller]
fn hold(broken: Vec<String>) {
    assert!(broken.is_empty(), "\n  {}\n", broken.join("\n  "));
}

#[test]
fn one_name_everywhere() {
    hold(names::one_name_everywhere(&Repository::here()));
}

#[test]
fn every_function_has_its_events() {
    hold(names::every_function_has_its_events(&Repository::here()));
}

#[test]
fn a_function_is_given_the_variables_it_reads_and_no_others() {
    hold(names::variables_are_given_and_read(&Repository::here()));
}

#[test]
fn every_function_has_a_role_of_its_own_and_nothing_is_granted_on_everything() {
    hold(permissions::least_privilege(&Repository::here()));
}

#[test]
fn what_a_function_is_wired_to_it_may_use() {
    hold(permissions::grants_follow_the_wiring(&Repository::here()));
}

#[test]
fn what_a_function_calls_is_granted_and_nothing_else() {
    hold(calls::calls_are_granted_and_grants_are_used(&Repository::here()));
}

#[test]
fn the_openapi_document_and_the_template_have_the_same_routes() {
    hold(routes::openapi_equals_template(&Repository::here()));
}

#[test]
fn the_routes_without_an_authorizer_are_those_of_the_list() {
    hold(routes::public_routes_are_listed(&Repository::here()));
}

#[test]
fn a_partners_token_opens_the_voucher_routes_only() {
    hold(routes::partner_scope_stays_on_vouchers(&Repository::here()));
}

#[test]
fn the_gateways_own_answers_are_problem_documents_that_a_browser_may_read() {
    hold(gateway::answers_are_problem_documents(&Repository::here()));
}

#[test]
fn every_queue_outlives_its_consumer_and_ends_in_dead_letters() {
    hold(queues::queues_lose_nothing(&Repository::here()));
}

#[test]
fn every_queue_is_encrypted_and_takes_tls_only() {
    hold(queues::queues_are_private(&Repository::here()));
}

#[test]
fn event_sources_report_what_failed() {
    hold(queues::sources_report_failures(&Repository::here()));
}

#[test]
fn every_schedule_has_its_name_and_both_ways_to_the_dead_letters() {
    hold(queues::schedules_are_named_and_caught(&Repository::here()));
}

#[test]
fn every_function_dead_letter_queue_and_api_has_an_alarm() {
    hold(alarms::everything_is_watched(&Repository::here()));
}

#[test]
fn what_keeps_state_is_kept() {
    hold(stores::state_is_kept(&Repository::here()));
}

#[test]
fn every_parameter_is_explained_priced_and_used() {
    hold(stores::parameters_are_explained_and_used(&Repository::here()));
}

#[test]
fn a_stack_deployed_without_a_word_costs_nothing_at_rest() {
    hold(stores::nothing_is_paid_at_rest(&Repository::here()));
}

#[test]
fn the_stack_stays_within_what_cloudformation_takes() {
    hold(stores::within_limits(&Repository::here()));
}

#[test]
fn dependencies_point_one_way() {
    hold(dependencies::point_one_way(&dependencies::packages()));
}

#[test]
fn no_function_pulls_two_tls_stacks() {
    hold(dependencies::one_tls_stack(&dependencies::function_tree()));
}

#[test]
fn the_domain_knows_no_aws_async_clock_or_environment() {
    hold(layout::domain_is_pure(&layout::sources("shared/domain/src")));
}

#[test]
fn functions_hold_no_local_mode() {
    let sources = ["functions", "shared/aws/src", "shared/edge/src", "shared/supplier/src", "shared/domain/src"];
    hold(sources.iter().flat_map(|folder| layout::no_local_mode(&layout::sources(folder))).collect());
}

#[test]
fn every_module_says_what_it_is_for() {
    hold(
        ["functions", "shared", "infra"]
            .iter()
            .flat_map(|folder| layout::modules_are_introduced(&layout::sources(folder)))
            .collect(),
    );
}

#[test]
fn the_top_level_is_fixed() {
    hold(layout::top_level(&layout::entries("")));
    hold(layout::infra_level(&layout::entries("infra")));
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    hold(layout::no_machine_paths(&layout::texts()));
}
