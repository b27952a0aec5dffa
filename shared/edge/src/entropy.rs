//! Randomness is passed in: only `main.rs` holds the [`SystemEntropy`].

/// Gives fresh random bytes.
pub trait Entropy: Send + Sync {
    /// Sixteen bytes nobody has seen.
    fn bytes(&self) -> [u8; 16];
}

/// The operating system's generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn bytes(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        if let Err(error) = getrandom::fill(&mut bytes) {
            // Without randomness no identifier may be made; the runtime turns the panic into an error of this call.
            panic!("the operating system gives no randomness: {error}");
        }
        bytes
    }
}
