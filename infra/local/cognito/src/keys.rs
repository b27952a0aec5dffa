//! The two RSA keys of a pool, one for id tokens and one for access tokens, as real pools have them.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::rsa::{KeyPair, PublicKeyComponents};
use ring::signature::{self, RsaKeyPair};
use serde_json::{Value, json};

use crate::refusal::Refusal;

pub(crate) const ID: &str = "id";
pub(crate) const ACCESS: &str = "access";

pub(crate) struct SigningKey {
    pub kid: String,
    pair: KeyPair,
    public: PublicKeyComponents<Vec<u8>>,
}

pub(crate) struct PoolKeys {
    pub id: SigningKey,
    pub access: SigningKey,
}

impl PoolKeys {
    pub fn read(id: &[u8], access: &[u8]) -> Result<PoolKeys, String> {
        Ok(PoolKeys { id: SigningKey::read(id)?, access: SigningKey::read(access)? })
    }

    pub fn find(&self, kid: &str) -> Option<&SigningKey> {
        [&self.id, &self.access].into_iter().find(|key| key.kid == kid)
    }

    /// The JSON Web Key Set.
    pub fn jwks(&self) -> Value {
        json!({"keys": [self.id.jwk(), self.access.jwk()]})
    }
}

impl SigningKey {
    fn read(pkcs8: &[u8]) -> Result<SigningKey, String> {
        let pair = RsaKeyPair::from_pkcs8(pkcs8).map_err(|error| error.to_string())?;
        let public = PublicKeyComponents::<Vec<u8>>::from(pair.public());
        // The thumbprint of the modulus: stable for a key, different for another.
        let kid = STANDARD.encode(ring::digest::digest(&ring::digest::SHA256, &public.n));
        Ok(SigningKey { kid, pair, public })
    }

    fn jwk(&self) -> Value {
        json!({
            "alg": "RS256",
            "e": URL_SAFE_NO_PAD.encode(&self.public.e),
            "kid": self.kid,
            "kty": "RSA",
            "n": URL_SAFE_NO_PAD.encode(&self.public.n),
            "use": "sig",
        })
    }

    /// RS256 over `message`.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Refusal> {
        let mut signature = vec![0; self.pair.public().modulus_len()];
        self.pair.sign(&signature::RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)?;
        Ok(signature)
    }

    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.public.verify(&signature::RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
    }
}
