//! Base64, for names and passwords in headers.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Docker's configuration has it with and without padding.
const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    ENGINE.decode(text.trim()).ok()
}

/// The value of an Authorization header.
pub(crate) fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", ENGINE.encode(format!("{name}:{password}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_passwords_come_back_with_padding_and_without() {
        assert_eq!(basic("Aladdin", "open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        for text in ["QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "QWxhZGRpbjpvcGVuIHNlc2FtZQ", " QWxhZGRpbjpvcGVuIHNlc2FtZQ==\n"] {
            assert_eq!(decode(text).as_deref(), Some(&b"Aladdin:open sesame"[..]));
        }
        assert_eq!(decode("Qü=="), None);
    }
}
