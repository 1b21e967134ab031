//! Packs a document into text that a page can hold: JSON, compressed as browsers unpack it
//! (zlib, which `DecompressionStream` calls deflate), in base64.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::error::Error;

/// Higher levels take longer for hardly less.
const LEVEL: u8 = 8;

/// Packs a document.
pub(crate) fn pack(document: &impl Serialize) -> Result<String, Error> {
    let json = serde_json::to_vec(document).map_err(std::io::Error::from)?;
    Ok(STANDARD.encode(miniz_oxide::deflate::compress_to_vec_zlib(&json, LEVEL)))
}

/// Returns the hash of a script that a content security policy allows it by.
pub(crate) fn script_hash(script: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(script)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_comes_back() {
        let packed = pack(&["a", "</script>"]).unwrap();
        let bytes = STANDARD.decode(packed).unwrap();
        let json = miniz_oxide::inflate::decompress_to_vec_zlib(&bytes).unwrap();
        assert_eq!(json, br#"["a","</script>"]"#);
    }

    #[test]
    fn the_hash_is_that_of_the_standard() {
        // The example of Content Security Policy Level 3.
        let hash = script_hash("alert('Hello, world.');");
        assert_eq!(hash, "sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng=");
    }
}
