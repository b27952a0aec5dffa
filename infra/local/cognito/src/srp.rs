//! The server's half of SRP-6a as Cognito speaks it: 3072-bit group, SHA-256, a key by HKDF with "Caldera Derived Key".
//! Numbers; no users, no state.

use std::sync::LazyLock;

use num_bigint::{BigInt, BigUint};
use ring::digest::{SHA256, digest};
use ring::hmac;

use crate::same_bytes;

/// RFC 3526, group 15.
const N_HEX: &[u8] = b"FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD1\
29024E088A67CC74020BBEA63B139B22514A08798E3404DD\
EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245\
E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED\
EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3D\
C2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F\
83655D23DCA3AD961C62F356208552BB9ED529077096966D\
670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B\
E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9\
DE2BCBF6955817183995497CEA956AE515D2261898FA0510\
15728E5A8AAAC42DAD33170D04507A33A85521ABDF1CBA64\
ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7\
ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6B\
F12FFA06D98A0864D87602733EC86A64521F2B18177B200C\
BBE117577A615D6C770988C0BAD946E208E24FA074E5AB31\
43DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF";

struct Group {
    n: BigUint,
    g: BigUint,
    /// H(N | g), the multiplier.
    k: BigUint,
}

static GROUP: LazyLock<Group> = LazyLock::new(|| {
    let n = BigUint::parse_bytes(N_HEX, 16).unwrap_or_default();
    let g = BigUint::from(2_u8);
    let k = hash(&[&padded(&n), &padded(&g)]);
    Group { n, g, k }
});

/// What the server sends and what it must remember.
pub(crate) struct Exchange {
    /// Our private number, in hexadecimal.
    pub secret: String,
    /// B, in hexadecimal.
    pub public: String,
}

/// What the client's proof is about.
pub(crate) struct Proof<'a> {
    pub short_pool_id: &'a str,
    pub username: &'a str,
    pub secret_block: &'a [u8],
    pub timestamp: &'a str,
}

/// g^x for a new password. The salt is hexadecimal.
pub(crate) fn verifier(short_pool_id: &str, username: &str, password: &str, salt: &str) -> String {
    let identity = digest(&SHA256, format!("{short_pool_id}{username}:{password}").as_bytes());
    let x = hash(&[&padded(&number(salt).unwrap_or_default()), identity.as_ref()]);
    GROUP.g.modpow(&x, &GROUP.n).to_str_radix(16)
}

/// Reads A. `None` for what is not a number or would let a client sign in without the password (A ≡ 0).
pub(crate) fn client_public(text: &str) -> Option<BigUint> {
    let a = number(text)?;
    (&a % &GROUP.n != BigUint::ZERO).then_some(a)
}

/// Our half, from 32 random bytes: b and B = k·v + g^b.
pub(crate) fn begin(verifier: &str, random: &[u8; 32]) -> Option<Exchange> {
    let v = number(verifier)?;
    let b = BigUint::from_bytes_be(random);
    let public = (&GROUP.k * v + GROUP.g.modpow(&b, &GROUP.n)) % &GROUP.n;
    Some(Exchange { secret: b.to_str_radix(16), public: public.to_str_radix(16) })
}

/// Whether the client's signature proves that it knows the password behind `verifier`.
pub(crate) fn proves(verifier: &str, client_public: &str, secret: &str, proof: &Proof<'_>, signature: &[u8]) -> bool {
    let (Some(v), Some(a), Some(b)) = (number(verifier), self::client_public(client_public), number(secret)) else {
        return false;
    };
    let public = (&GROUP.k * &v + GROUP.g.modpow(&b, &GROUP.n)) % &GROUP.n;
    let u = hash(&[&padded(&a), &padded(&public)]);
    if u == BigUint::ZERO {
        return false;
    }
    let shared = (a * v.modpow(&u, &GROUP.n)).modpow(&b, &GROUP.n);
    let extracted = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &padded(&u)), &padded(&shared));
    let expanded = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, extracted.as_ref()), b"Caldera Derived Key\x01");
    let key = hmac::Key::new(hmac::HMAC_SHA256, &expanded.as_ref()[..16]);
    let mut message = Vec::new();
    for part in
        [proof.short_pool_id.as_bytes(), proof.username.as_bytes(), proof.secret_block, proof.timestamp.as_bytes()]
    {
        message.extend_from_slice(part);
    }
    same_bytes(hmac::sign(&key, &message).as_ref(), signature)
}

/// At most 1024 hexadecimal digits: the group has 768.
fn number(text: &str) -> Option<BigUint> {
    let plain = (1..=1_024).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if plain { BigUint::parse_bytes(text.as_bytes(), 16) } else { None }
}

/// Two's complement, as Java's `BigInteger.toByteArray` writes a number, which is what Cognito hashes.
fn padded(number: &BigUint) -> Vec<u8> {
    BigInt::from(number.clone()).to_signed_bytes_be()
}

fn hash(parts: &[&[u8]]) -> BigUint {
    BigUint::from_bytes_be(digest(&SHA256, &parts.concat()).as_ref())
}
