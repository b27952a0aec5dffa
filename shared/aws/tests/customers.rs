//! Customers on a real table: nobody shares an address, a phone or a document, whatever happens at once.
#![cfg(feature = "dynamodb")]

use aws::customers::{Claim, Customers, Filter, Provisioned, Refusal, WriteError};
use domain::{
    Timestamp,
    customer::{
        Customer, CustomerStatus, Document, DocumentKind, DocumentNumber, EmailAddress, PersonName, PhoneNumber,
        Registration,
    },
    id::{CustomerId, derive},
};
use testkit::Stack;

const PHONE: &str = "+51987654321";

async fn table() -> (Stack, Customers) {
    let stack = Stack::start().await;
    let customers = Customers::new(stack.environment().dynamodb(), stack.table("CustomersTable"));
    (stack, customers)
}

fn document(number: &str) -> Document {
    let number = DocumentNumber::parse(number).expect("a number");
    Document::new(DocumentKind::Dni, number, None, None).expect("a document")
}

/// `name` is the customer, the rest what he claims; the later the name, the younger.
fn customer(name: &str, phone: Option<&str>, number: Option<&str>) -> Customer {
    let registration = Registration {
        given_name: PersonName::parse(name).expect("a name"),
        family_name: PersonName::parse("Quispe").expect("a name"),
        email: EmailAddress::parse(&format!("{name}@example.com")).expect("an address"),
        phone: phone.map(|text| PhoneNumber::parse(text).expect("a phone")),
        document: number.map(document),
    };
    let age = name.bytes().fold(0, |age, byte| age * 100 + i64::from(byte));
    Customer::register(CustomerId::from_bytes(derive(&[name])), registration, Timestamp::from_millis(age))
}

fn refusal(outcome: Result<(), WriteError>) -> Option<Refusal> {
    match outcome {
        Ok(()) => None,
        Err(WriteError::Refused(refusal)) => Some(refusal),
        Err(WriteError::Store(error)) => panic!("{error}"),
    }
}

fn claim(customer: &Customer, place: usize) -> Claim {
    Claim::of(customer).remove(place)
}

#[tokio::test]
async fn a_customer_with_everything_reads_back_and_is_found_by_each_claim() {
    let (_stack, table) = table().await;
    let alice = customer("alice", Some(PHONE), Some("A1"));
    assert_eq!(refusal(table.create(&alice).await), None);
    assert_eq!(table.customer(&alice.id).await.expect("read"), Some(alice.clone()));
    for claim in Claim::of(&alice) {
        assert_eq!(table.holder(&claim).await.expect("read"), Some(alice.id.clone()), "{claim:?}");
    }
    assert_eq!(refusal(table.create(&alice).await), Some(Refusal::Exists), "made twice");
}

#[tokio::test]
async fn nobody_shares_an_address_a_phone_or_a_document() {
    let (_stack, table) = table().await;
    let alice = customer("alice", Some(PHONE), Some("A1"));
    assert_eq!(refusal(table.create(&alice).await), None);
    let with_email = Customer { email: alice.email.clone(), ..customer("bob", None, None) };
    for (other, place) in
        [(with_email, 0), (customer("bob", Some(PHONE), None), 1), (customer("bob", None, Some("a1")), 2)]
    {
        let expected = claim(&alice, place);
        assert_eq!(table.first_taken(&Claim::of(&other)).await.expect("read"), Some(expected.clone()));
        assert_eq!(refusal(table.create(&other).await), Some(Refusal::Taken(expected)));
        assert_eq!(table.customer(&other.id).await.expect("read"), None, "nothing of him was written");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_want_one_phone_at_once_one_gets_it() {
    let (_stack, table) = table().await;
    let tries = (0..12).map(|nth| {
        let table = table.clone();
        tokio::spawn(async move { refusal(table.create(&customer(&format!("c{nth}"), Some(PHONE), None)).await) })
    });
    let mut made = 0;
    for outcome in tries.collect::<Vec<_>>() {
        match outcome.await.expect("no panic") {
            None => made += 1,
            Some(refusal) => assert_eq!(refusal, Refusal::Taken(claim(&customer("x", Some(PHONE), None), 1))),
        }
    }
    assert_eq!(made, 1);
}

#[tokio::test]
async fn a_replacement_takes_the_new_and_frees_the_old() {
    let (_stack, table) = table().await;
    let before = customer("alice", Some(PHONE), Some("A1"));
    assert_eq!(refusal(table.create(&before).await), None);
    let email = EmailAddress::parse("alice@new.example").expect("an address");
    let after = Customer { email, phone: None, version: 2, ..before.clone() };
    assert_eq!(refusal(table.replace(&before, &after).await), None);
    assert_eq!(table.customer(&after.id).await.expect("read"), Some(after.clone()));
    for place in [0, 1] {
        assert_eq!(table.holder(&claim(&before, place)).await.expect("read"), None, "the old one is free");
    }
    assert_eq!(refusal(table.replace(&before, &after).await), Some(Refusal::Stale), "decided from an old version");
    assert_eq!(refusal(table.create(&customer("bob", Some(PHONE), None)).await), None);
    let again = Customer { phone: PhoneNumber::parse(PHONE), version: 3, ..after.clone() };
    let taken = Refusal::Taken(claim(&again, 1));
    assert_eq!(refusal(table.replace(&after, &again).await), Some(taken), "the phone has another owner now");
}

#[tokio::test]
async fn documents_are_added_one_by_one_and_go_with_the_customer() {
    let (_stack, table) = table().await;
    let alice = customer("alice", Some(PHONE), Some("A1"));
    assert_eq!(refusal(table.create(&alice).await), None);
    let with_two = alice.with_document(document("A2")).expect("one more");
    assert_eq!(refusal(table.add_document(&alice, &with_two, &document("A2")).await), None);
    assert_eq!(table.customer(&alice.id).await.expect("read"), Some(with_two.clone()));

    assert_eq!(refusal(table.delete(&alice).await), Some(Refusal::Stale), "an old version deletes nothing");
    assert_eq!(refusal(table.delete(&with_two).await), None);
    assert_eq!(table.customer(&alice.id).await.expect("read"), None);
    for claim in Claim::of(&with_two) {
        assert_eq!(table.holder(&claim).await.expect("read"), None, "{claim:?}");
    }
}

#[tokio::test]
async fn provisioning_never_touches_who_is_there_and_leaves_out_a_phone_that_is_taken() {
    let (_stack, table) = table().await;
    let alice = customer("alice", Some(PHONE), Some("A1"));
    assert_eq!(table.provision(alice.clone()).await.expect("written"), Provisioned::Created);
    let changed = Customer { family_name: PersonName::parse("X").expect("a name"), ..alice.clone() };
    assert_eq!(table.provision(changed).await.expect("read"), Provisioned::Present);
    assert_eq!(table.customer(&alice.id).await.expect("read"), Some(alice.clone()));

    let bob = customer("bob", Some(PHONE), None);
    assert_eq!(table.provision(bob.clone()).await.expect("written"), Provisioned::WithoutPhone);
    assert_eq!(table.customer(&bob.id).await.expect("read"), Some(Customer { phone: None, ..bob }));
    let carol = Customer { email: alice.email.clone(), ..customer("carol", None, None) };
    assert_eq!(table.provision(carol.clone()).await.expect("read"), Provisioned::EmailTaken);
    assert_eq!(table.customer(&carol.id).await.expect("read"), None);
}

#[tokio::test]
async fn the_list_pages_over_all_customers_newest_first_with_their_documents() {
    let (_stack, table) = table().await;
    for nth in 0..25 {
        let mut made = customer(&format!("c{nth:02}"), None, Some(&format!("D{nth}")));
        if nth % 5 == 0 {
            made.status = CustomerStatus::Blocked;
        }
        assert_eq!(refusal(table.create(&made).await), None);
    }
    let blocked = Filter { status: Some(CustomerStatus::Blocked), contains: None };
    let named = Filter { status: None, contains: Some("c1".into()) };
    let by_document = Filter { status: None, contains: Some("\nd7".into()) };
    for (filter, limit, expected) in [
        (Filter::default(), 10, (0..25).rev().collect::<Vec<_>>()),
        (Filter::default(), 25, (0..25).rev().collect()),
        (blocked, 2, vec![20, 15, 10, 5, 0]),
        (named, 3, (10..20).rev().collect()),
        (by_document, 5, vec![7]),
    ] {
        let (mut found, mut place, mut pages) = (Vec::new(), None::<String>, 0);
        loop {
            let (page, next) = table.list(&filter, limit, place.as_deref()).await.expect("a page");
            assert!(page.len() <= limit);
            found.extend(page);
            pages += 1;
            place = next;
            if place.is_none() {
                break;
            }
            assert!(pages < 100, "{filter:?} never ends");
        }
        let names: Vec<_> = found.iter().map(|customer| customer.given_name.as_str().to_owned()).collect();
        let expected: Vec<_> = expected.into_iter().map(|nth| format!("c{nth:02}")).collect();
        assert_eq!(names, expected, "{filter:?}");
        assert!(found.iter().all(|customer| customer.documents.len() == 1), "{filter:?}");
    }
}
