//! The customers: who they are, how they are reached, which papers they have, and what has become of them.

use domain::{
    customer::{
        CalendarDate, Customer, CustomerStatus, Document, DocumentKind, DocumentNumber, EmailAddress, PersonName,
        PhoneNumber, Registration,
    },
    id::CustomerId,
};
use time::Date;

use crate::{
    calendar::{day_of, written, years_later},
    names::{name, spelled},
    population::{Neighbourhood, Population},
    random::{Random, Spread},
};

/// No mail ever leaves for these (RFC 2606).
const DOMAINS: &[&str] = &["example.com", "example.net", "example.org", "correo.example.com", "mail.example.org"];
/// National identity cards are numbered from ten million on.
const FIRST_CARD: u64 = 10_000_000;
const CARDS: u64 = 70_000_000;
/// Mobile numbers in a country that has nine digits, the first of them fixed.
const PHONES: u64 = 100_000_000;
/// Weights of the digits of a tax number; the eleventh makes the sum a multiple of eleven.
const TAX_WEIGHTS: [u32; 10] = [5, 4, 3, 2, 7, 6, 5, 4, 3, 2];

/// What numbers a population gives out, each once.
#[derive(Clone, Copy, Debug)]
struct Numbers {
    cards: Spread,
    phones: Spread,
}

impl Neighbourhood<'_> {
    /// Its customers as they came to the bank: active, whatever became of them.
    pub fn people(&self) -> Vec<Customer> {
        let population = self.population;
        let numbers = Numbers {
            cards: Spread::of(&population.named("spread", "cards"), CARDS),
            phones: Spread::of(&population.named("spread", "phones"), PHONES),
        };
        // Two populations never share an address.
        let tag = u32::from_be_bytes(first_four(population.bytes("tag", 0)));
        self.customers().filter_map(|index| person(population, index, numbers, tag)).collect()
    }
}

impl Population {
    /// What has become of a customer: most are active.
    pub fn customer_status(&self, index: u64) -> CustomerStatus {
        let shares = [(CustomerStatus::Active, 94), (CustomerStatus::Inactive, 4), (CustomerStatus::Blocked, 2)];
        self.random("status", index).weighed(CustomerStatus::Active, &shares)
    }
}

fn first_four(bytes: [u8; 16]) -> [u8; 4] {
    let [a, b, c, d, ..] = bytes;
    [a, b, c, d]
}

/// `None` never: every part is made to be understood.
fn person(population: &Population, index: u64, numbers: Numbers, tag: u32) -> Option<Customer> {
    let random = &mut population.random("person", index);
    let came = population.came(index);
    let named = name(random);
    let domain = random.pick(DOMAINS)?;
    let email = format!("{}.{}.{tag:x}{index}@{domain}", spelled(&named.given), spelled(&named.family));
    let phone = random.percent(70).then(|| {
        let country = if named.foreign && random.percent(40) { "+346" } else { "+519" };
        format!("{country}{:08}", numbers.phones.at(index))
    });
    let registration = Registration {
        given_name: PersonName::parse(&named.given)?,
        family_name: PersonName::parse(&named.family)?,
        email: EmailAddress::parse(&email)?,
        phone: phone.as_deref().and_then(PhoneNumber::parse),
        document: None,
    };
    let id: CustomerId = population.customer_id(index);
    let mut customer = Customer::register(id, registration, came);
    customer.documents = documents(random, numbers.cards.at(index) + FIRST_CARD, named.foreign, day_of(came));
    Some(customer)
}

/// One paper for most, two for some; all of them valid on the day their owner came.
fn documents(random: &mut Random, card: u64, foreign: bool, came: Date) -> Vec<Document> {
    use DocumentKind::{Dni, ForeignerCard, Passport, Ruc};
    let first = if foreign {
        random.weighed(Passport, &[(Passport, 45), (ForeignerCard, 35), (Dni, 20)])
    } else {
        random.weighed(Dni, &[(Dni, 90), (Passport, 4), (Ruc, 6)])
    };
    let second = (first == Dni && random.percent(12)).then(|| random.weighed(Ruc, &[(Ruc, 60), (Passport, 40)]));
    let mut documents: Vec<_> =
        [Some(first), second].into_iter().flatten().filter_map(|kind| document(random, kind, card, came)).collect();
    documents.sort_by(|a, b| a.number.cmp(&b.number));
    documents
}

fn document(random: &mut Random, kind: DocumentKind, card: u64, came: Date) -> Option<Document> {
    let (number, years) = match kind {
        DocumentKind::Dni => (card.to_string(), Some(8)),
        DocumentKind::Passport => (format!("{}{card}", random.pick(&["P", "A", "X"])?), Some(10)),
        DocumentKind::ForeignerCard => (format!("0{card}"), Some(4)),
        DocumentKind::Ruc => (tax_number(card), None),
    };
    let issued = came.checked_sub(time::Duration::days(random.between(1, 1_200)))?;
    let day = |day: Date| CalendarDate::parse(&written(day));
    let expires = years.and_then(|years| day(years_later(issued, years)));
    Document::new(kind, DocumentNumber::parse(&number)?, day(issued), expires).ok()
}

/// The tax number of whoever has this identity card: `10`, its number, a check digit modulo eleven.
fn tax_number(card: u64) -> String {
    let body = format!("10{card:08}");
    let sum: u32 = body.bytes().zip(TAX_WEIGHTS).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    format!("{body}{}", (11 - sum % 11) % 10)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashSet};

    use super::*;
    use crate::Size;

    fn population(seed: u64) -> Population {
        let end = "2026-11-21T00:00:00Z".parse().expect("a moment");
        Population::new(seed, Size { customers: 3_000, accounts: 0, transfers: 0 }, end).expect("a population")
    }

    fn everybody(population: &Population) -> Vec<Customer> {
        (0..population.neighbourhoods()).flat_map(|index| population.neighbourhood(index).people()).collect()
    }

    #[test]
    fn the_same_seed_makes_the_same_people_and_another_makes_others() {
        let (first, again, other) = (everybody(&population(1)), everybody(&population(1)), everybody(&population(2)));
        assert_eq!(first, again);
        assert_eq!(first.len(), 3_000);
        let emails = |people: &[Customer]| -> HashSet<_> { people.iter().map(|one| one.email.clone()).collect() };
        assert!(emails(&first).is_disjoint(&emails(&other)));
    }

    #[test]
    fn nobody_shares_an_address_a_phone_or_a_paper() {
        let people = everybody(&population(1));
        let mut seen = HashSet::new();
        let mut once = |text: &str| assert!(seen.insert(text.to_owned()), "{text} twice");
        for one in &people {
            once(one.id.as_str());
            once(one.email.as_str());
            if let Some(phone) = &one.phone {
                once(phone.as_str());
            }
            for document in &one.documents {
                once(document.number.as_str());
            }
            assert!(one.documents.is_sorted_by(|a, b| a.number < b.number) && !one.documents.is_empty());
            assert!(one.id.subject().is_some(), "{}: no token could tell this customer", one.id);
        }
        let phones = people.iter().filter(|one| one.phone.is_some()).count();
        assert!((1_900..2_300).contains(&phones), "{phones}");
    }

    #[test]
    fn papers_have_the_shape_of_their_kind_and_were_valid() {
        let mut kinds = BTreeMap::new();
        for one in everybody(&population(1)) {
            for document in &one.documents {
                let number = document.number.as_str();
                let digits = number.bytes().all(|byte| byte.is_ascii_digit());
                let fits = match document.kind {
                    DocumentKind::Dni => digits && number.len() == 8,
                    DocumentKind::Passport => number.len() == 9 && number.starts_with(['P', 'A', 'X']),
                    DocumentKind::ForeignerCard => digits && number.len() == 9 && number.starts_with('0'),
                    DocumentKind::Ruc => digits && number.len() == 11 && number.starts_with("10"),
                };
                assert!(fits, "{:?} {number}", document.kind);
                let came = CalendarDate::parse(&written(day_of(one.created_at)));
                assert!(document.issued_on < came && document.expires_on.is_none_or(|day| Some(day) > came));
                *kinds.entry(document.kind.as_str()).or_insert(0) += 1;
            }
        }
        assert_eq!(kinds.len(), 4, "{kinds:?}");
    }

    #[test]
    fn a_tax_number_proves_itself() {
        // That of the Banco de la Nación, which has the prefix of companies; the check is the same.
        let check = |text: &str| {
            let sum: u32 = text.bytes().zip(TAX_WEIGHTS).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
            (11 - sum % 11) % 10
        };
        assert_eq!(check("2010003059"), 5);
        assert!(tax_number(12_345_678).starts_with("1012345678"));
    }

    #[test]
    fn most_customers_are_active_and_some_are_not() {
        let population = population(1);
        let mut states = BTreeMap::new();
        for index in 0..3_000 {
            *states.entry(population.customer_status(index).as_str()).or_insert(0) += 1;
        }
        assert!(states["active"] > 2_700 && states["inactive"] > 60 && states["blocked"] > 20, "{states:?}");
    }
}
