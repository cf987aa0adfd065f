//! Bytes as text: hex, and names that may not be UTF-8.

use bstr::{BStr, ByteSlice};
use std::borrow::Cow;
use std::fmt::Write;

/// Lower-case hex, two digits a byte.
pub fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes of a text in hex; `None` where it is none. Blanks between bytes are allowed.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    let nibble = |b: u8| (b as char).to_digit(16).map(|d| d as u8);
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    pairs.iter().map(|&[high, low]| Some(nibble(high)? << 4 | nibble(low)?)).collect()
}

/// The name nearest to `wanted`, where one is near. Each comes with the form that is compared.
pub fn nearest<'a, F: AsRef<str>>(wanted: &str, names: impl Iterator<Item = (F, &'a str)>) -> Option<&'a str> {
    names
        .map(|(form, name)| (strsim::damerau_levenshtein(wanted, form.as_ref()), name))
        .filter(|&(distance, name)| distance <= 1 + name.len() / 4)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, name)| name)
}

/// A template with the values of its `{names}`; `None` where one has no value. Other braces, of the shell and of JSON, stay:
/// a name is of lower-case letters.
pub fn fill_in(template: &str, value: impl Fn(&str) -> Option<String>) -> Option<String> {
    let mut text = String::new();
    for (at, part) in template.split('{').enumerate() {
        match part.split_once('}').filter(|(name, _)| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase()))
        {
            Some((name, rest)) if at > 0 => text.extend([value(name)?.as_str(), rest]),
            _ if at > 0 => text.extend(["{", part]),
            _ => text.push_str(part),
        }
    }
    Some(text)
}

/// Whether a character steers a terminal instead of being shown by it: control characters of C0 and C1, those that turn the
/// direction of writing, and those that break a line.
pub fn is_steering(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A text from elsewhere as a part of a line: bytes of what steers a terminal become `\xNN`, newlines too.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_steering) {
        return Cow::Borrowed(text);
    }
    let mut printable = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match is_steering(c) {
            true => c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| printable.push_str(&format!("\\x{byte:02x}"))),
            false => printable.push(c),
        }
    }
    Cow::Owned(printable)
}

/// A name as text that can be turned back into its bytes: UTF-8 as it is, with `\` doubled; other bytes and what
/// steers a terminal as `\xNN`.
pub fn to_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' => text.push_str("\\\\"),
                c => text.push_str(&printable(c.encode_utf8(&mut [0; 4]))),
            }
        }
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

/// A word as a shell reads it.
pub fn quoted(word: &str) -> String {
    // shlex quotes these too, which only clutters lists of architectures and platforms.
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_@%+=:,./-".contains(&b);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    if word.chars().any(is_steering) {
        let inner = printable(&word.replace('\\', "\\\\").replace('\'', "\\'")).into_owned();
        return format!("$'{inner}'");
    }
    // No shell reads NUL, and no file's name has one.
    shlex::try_quote(&word.replace('\0', "")).map_or_else(|_| String::new(), Into::into)
}

/// The bytes of a name written by [`to_text`]; `None` where an escape is broken.
pub fn from_text(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = match (first, tail) {
            (b'\\', [b'\\', after @ ..]) => {
                bytes.push(b'\\');
                after
            }
            (b'\\', [b'x', high, low, after @ ..]) => {
                bytes.extend(from_hex(BStr::new(&[*high, *low]).to_str().ok()?)?);
                after
            }
            (b'\\', _) => return None,
            _ => {
                bytes.push(first);
                tail
            }
        };
    }
    Some(bytes)
}

/// Serde for bytes as hex.
pub mod hex {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Writes hex.
    ///
    /// # Errors
    /// The serializer's own.
    pub fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&super::to_hex(bytes))
    }

    /// Reads hex.
    ///
    /// # Errors
    /// A text that is not of this form; the deserializer's own.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        super::from_hex(&text).ok_or_else(|| D::Error::custom("not hex"))
    }
}

/// Serde for names that may not be UTF-8.
pub mod lossless {
    use bstr::BString;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Writes the name with escapes.
    ///
    /// # Errors
    /// The serializer's own.
    pub fn serialize<S: Serializer>(name: &BString, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&super::to_text(name))
    }

    /// Reads a name with escapes.
    ///
    /// # Errors
    /// A text that is not of this form; the deserializer's own.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<BString, D::Error> {
        let text = String::deserialize(from)?;
        super::from_text(&text).map(Into::into).ok_or_else(|| D::Error::custom("broken escape"))
    }
}

/// Serde for names that may not be UTF-8, or not be there.
pub mod maybe_lossless {
    use bstr::BString;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Writes the name with escapes.
    ///
    /// # Errors
    /// The serializer's own.
    pub fn serialize<S: Serializer>(name: &Option<BString>, to: S) -> Result<S::Ok, S::Error> {
        match name {
            Some(name) => super::lossless::serialize(name, to),
            None => to.serialize_none(),
        }
    }

    /// Reads a name with escapes.
    ///
    /// # Errors
    /// A text that is not of this form; the deserializer's own.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<BString>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        let bytes = |t: String| super::from_text(&t).map(Into::into).ok_or_else(|| D::Error::custom("broken escape"));
        text.map(bytes).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_names_are_filled_in() {
        let value = |name: &str| (name == "path").then(|| "a b".to_owned());
        let filled = |template| fill_in(template, value);
        assert_eq!(filled("x {path}{path} {} ${VAR} {\"a\":1} {").as_deref(), Some("x a ba b {} ${VAR} {\"a\":1} {"));
        assert_eq!(filled("{path} {other}"), None);
    }

    proptest! {
        #[test]
        fn names_come_back(bytes: Vec<u8>) {
            prop_assert_eq!(from_text(&to_text(&bytes)), Some(bytes));
        }

        #[test]
        fn hex_comes_back(bytes: Vec<u8>) {
            prop_assert_eq!(from_hex(&to_hex(&bytes)), Some(bytes));
        }
    }

    #[test]
    fn words_are_quoted_where_a_shell_needs_it() {
        assert_eq!(
            ["arm64,s390x", "", "a;b", "~", "a\\'\n"].map(quoted),
            ["arm64,s390x", "''", "'a;b'", "'~'", r"$'a\\\'\x0a'"]
        );
    }

    #[test]
    fn odd_hex_is_refused() {
        assert_eq!(from_hex("7f4"), None);
        assert_eq!(from_hex("+f"), None);
        assert_eq!(from_hex("7f 45"), Some(vec![0x7f, 0x45]));
    }
}
