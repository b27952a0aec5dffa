//! Checksums that clients send along and ask back.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use sha2::Sha256;

/// `x-amz-checksum-…` for those that are served.
const CRC32: &str = "x-amz-checksum-crc32";
const CRC32C: &str = "x-amz-checksum-crc32c";
const CRC64: &str = "x-amz-checksum-crc64nvme";
const SHA256: &str = "x-amz-checksum-sha256";

/// The value of a checksum by the name of its header; `None` if it is not served.
pub(crate) fn of(header: &str, bytes: &[u8]) -> Option<String> {
    Some(match header {
        CRC32 => STANDARD.encode((crc(&CRC32_TABLE, 32, bytes) as u32).to_be_bytes()),
        CRC32C => STANDARD.encode((crc(&CRC32C_TABLE, 32, bytes) as u32).to_be_bytes()),
        CRC64 => STANDARD.encode(crc(&CRC64_TABLE, 64, bytes).to_be_bytes()),
        SHA256 => STANDARD.encode(Sha256::digest(bytes)),
        _ => return None,
    })
}

/// An MD5 digest in hexadecimal: an ETag.
pub(crate) fn etag(bytes: &[u8]) -> String {
    hex(&Md5::digest(bytes))
}

/// The ETag of an object uploaded in parts: the digest of their digests, and how many they were.
pub(crate) fn etag_of_parts(parts: &[String]) -> String {
    let mut digest = Md5::new();
    for part in parts {
        let bytes = (0..part.len() / 2).filter_map(|at| u8::from_str_radix(part.get(at * 2..at * 2 + 2)?, 16).ok());
        digest.update(bytes.collect::<Vec<_>>());
    }
    format!("{}-{}", hex(&digest.finalize()), parts.len())
}

pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

type Table = [u64; 256];

// Polynomials in reversed order of bits.
static CRC32_TABLE: Table = table(0xEDB8_8320);
static CRC32C_TABLE: Table = table(0x82F6_3B78);
static CRC64_TABLE: Table = table(0x9A6C_9329_AC4B_C9B5);

const fn table(polynomial: u64) -> Table {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let (mut value, mut bit) = (byte as u64, 0);
        while bit < 8 {
            value = if value & 1 == 1 { value >> 1 ^ polynomial } else { value >> 1 };
            bit += 1;
        }
        table[byte] = value;
        byte += 1;
    }
    table
}

fn crc(table: &Table, width: u32, bytes: &[u8]) -> u64 {
    let ones = u64::MAX >> (64 - width);
    let rest = bytes.iter().fold(ones, |rest, byte| table[usize::from(rest as u8 ^ byte)] ^ rest >> 8);
    rest ^ ones
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_catalogues() {
        // The check values of the algorithms are those of these nine digits.
        let digits = b"123456789";
        assert_eq!(crc(&CRC32_TABLE, 32, digits), 0xCBF4_3926);
        assert_eq!(crc(&CRC32C_TABLE, 32, digits), 0xE306_9283);
        assert_eq!(crc(&CRC64_TABLE, 64, digits), 0xAE8B_1486_0A79_9888);
        assert_eq!(of(CRC32, digits).as_deref(), Some("y/Q5Jg=="));
        assert_eq!(of("x-amz-checksum-sha1", digits), None);
        assert_eq!(etag(b""), "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(etag_of_parts(&[etag(b"")]), "59adb24ef3cdbe0297f05b395827453f-1");
    }
}
