use crate::script::check;

#[test]
fn a_group_is_locked_while_one_of_its_messages_is_in_flight() {
    check(
        "queue q.fifo VisibilityTimeout=30
         send q.fifo a1 group=a
         send q.fifo b1 group=b
         send q.fifo a2 group=a
         send q.fifo a3 group=a
         receive q.fifo 1   -> a1
         receive q.fifo     -> b1
         receive q.fifo     -> nothing
         depth q.fifo       -> 2 2 0
         delete q.fifo a1
         receive q.fifo 1   -> a2
         receive q.fifo     -> nothing
         delete q.fifo a2
         delete q.fifo b1
         receive q.fifo     -> a3",
    );
}

#[test]
fn after_a_timeout_a_group_goes_on_at_its_oldest_message() {
    check(
        "queue q.fifo VisibilityTimeout=10
         send q.fifo a1 group=a
         send q.fifo a2 group=a
         send q.fifo a3 group=a
         send q.fifo a4 group=a
         receive q.fifo 3       -> a1 a2 a3
         delete q.fifo a1
         # a2 is given back, but a3 still locks the group
         visibility q.fifo a2 0
         receive q.fifo         -> nothing
         advance 10
         receive q.fifo         -> a2 a3 a4",
    );
}

#[test]
fn a_late_delete_is_refused_because_the_group_may_have_gone_on() {
    check(
        "queue q.fifo VisibilityTimeout=10
         send q.fifo a1 group=a
         receive q.fifo     -> a1
         advance 10
         delete q.fifo a1   -> InvalidParameterValue
         receive q.fifo     -> a1
         delete-first q.fifo a1 -> InvalidParameterValue
         delete q.fifo a1
         delete q.fifo a1",
    );
}

#[test]
fn a_repeated_send_is_recognised_for_five_minutes_even_after_deletion() {
    check(
        "queue q.fifo
         send q.fifo a1 group=a dedup=1
         send q.fifo again group=a dedup=1   -> same as a1
         receive q.fifo                      -> a1
         delete q.fifo a1
         send q.fifo again group=a dedup=1   -> same as a1
         send q.fifo again group=b dedup=1   -> same as a1
         receive q.fifo                      -> nothing
         advance 299.999
         send q.fifo again group=a dedup=1   -> same as a1
         advance 0.001
         send q.fifo again group=a dedup=1
         receive q.fifo                      -> again",
    );
}

#[test]
fn deduplication_can_be_per_group() {
    check(
        "queue q.fifo DeduplicationScope=messageGroup
         send q.fifo a1 group=a dedup=1
         send q.fifo b1 group=b dedup=1
         send q.fifo a2 group=a dedup=1   -> same as a1
         receive q.fifo                   -> a1 b1",
    );
}

#[test]
fn content_stands_in_for_the_deduplication_id_where_the_queue_says_so() {
    check(
        "queue by-content.fifo ContentBasedDeduplication=true
         send by-content.fifo hello group=a dedup=none
         send by-content.fifo hello group=a dedup=none   -> same as hello
         send by-content.fifo other group=a dedup=none
         receive by-content.fifo                         -> hello other
         queue by-id.fifo
         send by-id.fifo hello group=a dedup=none        -> InvalidParameterValue",
    );
}

#[test]
fn what_a_fifo_queue_does_not_take_is_refused() {
    check(
        "queue q.fifo
         send q.fifo a                      -> MissingParameter
         send q.fifo a group=a delay=5      -> InvalidParameterValue
         send q.fifo a group=a delay=0
         queue plain
         send plain a dedup=1               -> InvalidParameterValue
         send plain a group=tenant-1
         receive plain                      -> a",
    );
}

#[test]
fn the_delay_of_a_fifo_queue_keeps_the_order_and_holds_for_waiting_messages_when_changed() {
    check(
        "queue q.fifo DelaySeconds=10
         send q.fifo a1 group=a
         advance 5
         send q.fifo a2 group=a
         depth q.fifo     -> 0 0 2
         advance 5
         receive q.fifo   -> a1
         delete q.fifo a1
         receive q.fifo   -> nothing
         queue q.fifo DelaySeconds=0
         receive q.fifo   -> a2",
    );
}

#[test]
fn a_fifo_dead_letter_queue_lets_the_group_go_on() {
    check(
        r#"queue dead.fifo
         queue q.fifo VisibilityTimeout=1 RedrivePolicy={"deadLetterTargetArn":"arn:aws:sqs:eu-central-1:000000000000:dead.fifo","maxReceiveCount":2}
         send q.fifo a1 group=a
         send q.fifo a2 group=a
         receive q.fifo 1   -> a1
         advance 1
         receive q.fifo 1   -> a1
         advance 1
         receive q.fifo 1   -> a2
         receive dead.fifo  -> a1
         depth q.fifo       -> 0 1 0"#,
    );
}
