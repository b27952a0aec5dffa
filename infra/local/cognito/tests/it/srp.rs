//! USER_SRP_AUTH against a client written here from the protocol (RFC 5054 with Cognito's hashing).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use num_bigint::{BigInt, BigUint};
use ring::{digest, hmac};
use serde_json::{Value, json};

use crate::harness::*;

const N: &str = "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3BE39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA051015728E5A8AAAC42DAD33170D04507A33A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864D87602733EC86A64521F2B18177B200CBBE117577A615D6C770988C0BAD946E208E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF";
const TIMESTAMP: &str = "Tue Nov 3 09:05:00 UTC 2026";

fn number(hex: &str) -> BigUint {
    BigUint::parse_bytes(hex.as_bytes(), 16).unwrap()
}

fn bytes(number: &BigUint) -> Vec<u8> {
    BigInt::from(number.clone()).to_signed_bytes_be()
}

fn sha256(parts: &[&[u8]]) -> Vec<u8> {
    digest::digest(&digest::SHA256, &parts.concat()).as_ref().to_vec()
}

fn mac(key: &[u8], message: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message).as_ref().to_vec()
}

struct SrpClient {
    secret: BigUint,
    public: BigUint,
}

impl SrpClient {
    fn new() -> SrpClient {
        let mut random = [0; 64];
        getrandom::fill(&mut random).unwrap();
        let secret = BigUint::from_bytes_be(&random);
        let public = BigUint::from(2_u8).modpow(&secret, &number(N));
        SrpClient { secret, public }
    }

    fn public_hex(&self) -> String {
        self.public.to_str_radix(16)
    }

    /// `ChallengeResponses` for a `PASSWORD_VERIFIER` challenge.
    fn answer(&self, challenge: &Value, password: &str, timestamp: &str) -> Value {
        let given = |name: &str| text(&challenge["ChallengeParameters"][name]);
        let (n, g) = (number(N), BigUint::from(2_u8));
        let (pool, user) = (POOL.split_once('_').unwrap().1, given("USER_ID_FOR_SRP"));
        let server = number(&given("SRP_B"));
        let k = BigUint::from_bytes_be(&sha256(&[&bytes(&n), &bytes(&g)]));
        let u = BigUint::from_bytes_be(&sha256(&[&bytes(&self.public), &bytes(&server)]));
        let identity = sha256(&[format!("{pool}{user}:{password}").as_bytes()]);
        let x = BigUint::from_bytes_be(&sha256(&[&bytes(&number(&given("SALT"))), &identity]));
        let masked = (&k * g.modpow(&x, &n)) % &n;
        let shared = ((&server + &n) - masked) % &n;
        let shared = shared.modpow(&(&self.secret + &u * x), &n);
        let extracted = mac(&bytes(&u), &bytes(&shared));
        let key = &mac(&extracted, b"Caldera Derived Key\x01")[..16];
        let block = STANDARD.decode(given("SECRET_BLOCK")).unwrap();
        let message = [pool.as_bytes(), user.as_bytes(), &block, timestamp.as_bytes()].concat();
        json!({
            "USERNAME": user,
            "PASSWORD_CLAIM_SECRET_BLOCK": given("SECRET_BLOCK"),
            "PASSWORD_CLAIM_SIGNATURE": STANDARD.encode(mac(key, &message)),
            "TIMESTAMP": timestamp,
        })
    }
}

async fn begin(world: &World, username: &str, public: &str) -> Outcome {
    let parameters = json!({"USERNAME": username, "SRP_A": public});
    let body = json!({"ClientId": CLIENT, "AuthFlow": "USER_SRP_AUTH", "AuthParameters": parameters});
    world.call("InitiateAuth", body).await
}

async fn respond(world: &World, responses: &Value) -> Outcome {
    let body = json!({"ClientId": CLIENT, "ChallengeName": "PASSWORD_VERIFIER", "ChallengeResponses": responses});
    world.call("RespondToAuthChallenge", body).await
}

#[tokio::test]
async fn a_client_that_knows_the_password_signs_in_without_sending_it() {
    let world = World::new();
    let sub = world.registered("alice@example.com").await;
    let client = SrpClient::new();
    let challenge = begin(&world, "Alice@example.com", &client.public_hex()).await.unwrap();
    assert_eq!(challenge["ChallengeName"], "PASSWORD_VERIFIER");
    assert_eq!(challenge["ChallengeParameters"]["USER_ID_FOR_SRP"], sub.as_str());
    let responses = client.answer(&challenge, PASSWORD, TIMESTAMP);
    let answer = respond(&world, &responses).await.unwrap();
    let token = text(&answer["AuthenticationResult"]["AccessToken"]);
    assert_eq!(world.verify(&token).unwrap().text("scope"), Some("aws.cognito.signin.user.admin"));

    // The same proof again is worth nothing.
    refused(respond(&world, &responses).await, "NotAuthorizedException", "Incorrect username or password.");
}

#[tokio::test]
async fn a_wrong_password_or_a_spoilt_proof_is_refused() {
    let world = World::new();
    world.registered("alice@example.com").await;
    let client = SrpClient::new();
    let public = client.public_hex();
    for spoil in ["password", "signature", "timestamp", "block", "user"] {
        let challenge = begin(&world, "alice@example.com", &public).await.unwrap();
        let password = if spoil == "password" { "Wrong-horse-1" } else { PASSWORD };
        let mut responses = client.answer(&challenge, password, TIMESTAMP);
        match spoil {
            "signature" => responses["PASSWORD_CLAIM_SIGNATURE"] = json!(STANDARD.encode([7; 32])),
            "timestamp" => responses["TIMESTAMP"] = json!("Tue Nov 3 09:05:01 UTC 2026"),
            "block" => responses["PASSWORD_CLAIM_SECRET_BLOCK"] = json!(STANDARD.encode([7; 96])),
            "user" => responses["USERNAME"] = json!("bob@example.com"),
            _ => {}
        }
        refused(respond(&world, &responses).await, "NotAuthorizedException", "Incorrect username or password.");
        // Not even the right answer helps a spoilt exchange, which is spent.
        if spoil != "block" {
            let right = client.answer(&challenge, PASSWORD, TIMESTAMP);
            refused_as(respond(&world, &right).await, "NotAuthorizedException");
        }
    }
}

#[tokio::test]
async fn values_that_would_cancel_the_password_are_refused() {
    let world = World::new();
    world.registered("alice@example.com").await;
    let twice = (number(N) * 2_u8).to_str_radix(16);
    for public in ["0", "00", N, twice.as_str(), "not hexadecimal", ""] {
        refused_as(begin(&world, "alice@example.com", public).await, "InvalidParameterException");
    }
}

#[tokio::test]
async fn a_name_that_does_not_exist_gets_the_same_challenge_each_time_and_no_entry() {
    let world = World::new();
    let client = SrpClient::new();
    let one = begin(&world, "nobody@example.com", &client.public_hex()).await.unwrap();
    let two = begin(&world, "NOBODY@example.com", &client.public_hex()).await.unwrap();
    for name in ["SALT", "USER_ID_FOR_SRP"] {
        assert_eq!(one["ChallengeParameters"][name], two["ChallengeParameters"][name], "{name}");
    }
    let other = begin(&world, "noone@example.com", &client.public_hex()).await.unwrap();
    assert_ne!(one["ChallengeParameters"]["SALT"], other["ChallengeParameters"]["SALT"]);
    let responses = client.answer(&one, PASSWORD, TIMESTAMP);
    refused(respond(&world, &responses).await, "NotAuthorizedException", "Incorrect username or password.");
}

#[tokio::test]
async fn wrong_proofs_count_like_wrong_passwords() {
    let world = World::new();
    world.registered("alice@example.com").await;
    let client = SrpClient::new();
    for _ in 0..5 {
        let challenge = begin(&world, "alice@example.com", &client.public_hex()).await.unwrap();
        refused_as(
            respond(&world, &client.answer(&challenge, "Wrong-horse-1", TIMESTAMP)).await,
            "NotAuthorizedException",
        );
    }
    refused(world.sign_in("alice@example.com", PASSWORD).await, "NotAuthorizedException", "Password attempts exceeded");
}

#[tokio::test]
async fn an_exchange_ends_with_its_time_and_with_the_password_it_was_about() {
    let world = World::new();
    world.registered("alice@example.com").await;
    let client = SrpClient::new();
    let challenge = begin(&world, "alice@example.com", &client.public_hex()).await.unwrap();
    world.pass(180);
    refused_as(respond(&world, &client.answer(&challenge, PASSWORD, TIMESTAMP)).await, "NotAuthorizedException");

    let challenge = begin(&world, "alice@example.com", &client.public_hex()).await.unwrap();
    let body =
        json!({"UserPoolId": POOL, "Username": "alice@example.com", "Password": "Another-horse-2", "Permanent": true});
    world.call("AdminSetUserPassword", body).await.unwrap();
    refused_as(respond(&world, &client.answer(&challenge, PASSWORD, TIMESTAMP)).await, "NotAuthorizedException");
    let challenge = begin(&world, "alice@example.com", &client.public_hex()).await.unwrap();
    respond(&world, &client.answer(&challenge, "Another-horse-2", TIMESTAMP)).await.unwrap();
}

#[tokio::test]
async fn a_timestamp_in_another_form_is_named() {
    let world = World::new();
    world.registered("alice@example.com").await;
    let client = SrpClient::new();
    let challenge = begin(&world, "alice@example.com", &client.public_hex()).await.unwrap();
    refused(
        respond(&world, &client.answer(&challenge, PASSWORD, "2026-11-03T09:05:00Z")).await,
        "InvalidParameterException",
        "TIMESTAMP format should be EEE MMM d HH:mm:ss z yyyy in english.",
    );
}
