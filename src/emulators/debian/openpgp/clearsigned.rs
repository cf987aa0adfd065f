//! A clear-signed file (RFC 9580, section 7), and nothing outside its signed text.

/// Signed text and its signature.
pub(super) struct Frame<'a> {
    /// The signed text with CRLF between its lines, as it was hashed.
    pub(super) text: String,
    pub(super) signature: &'a str,
}

impl<'a> Frame<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, String> {
        const BEGIN: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
        const SIGNATURE: &str = "-----BEGIN PGP SIGNATURE-----";
        const END: &str = "-----END PGP SIGNATURE-----";
        let file = std::str::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned())?;
        let mut lines = file.split_inclusive('\n');
        if lines.next().map(str::trim_end) != Some(BEGIN) {
            return Err(format!("it does not start with {BEGIN}"));
        }
        for line in lines.by_ref().map(str::trim_end).take_while(|line| !line.is_empty()) {
            // Other headers have no meaning here, and have been used to smuggle text in.
            if !line.starts_with("Hash: ") {
                return Err(format!("text outside the signed part: {line:?}"));
            }
        }
        let mut text: Vec<&str> = Vec::new();
        loop {
            let line = lines.next().ok_or("cut short: it has no signature")?.trim_end_matches(['\n', '\r', ' ', '\t']);
            match (line, line.strip_prefix("- ")) {
                (SIGNATURE, _) => break,
                (_, Some(escaped)) => text.push(escaped),
                _ if line.starts_with('-') => return Err(format!("broken framework: the line {line:?}")),
                _ => text.push(line),
            }
        }
        let rest: usize = lines.map(str::len).sum();
        let signature = &file[file.len() - rest..];
        let end = signature.find(END).ok_or("cut short: its signature has no end")?;
        if !signature[end + END.len()..].trim().is_empty() {
            return Err("text outside the signed part, after the signature".to_owned());
        }
        let start = file.len() - rest;
        // The armour starts with its BEGIN line, just before.
        let start = file[..start].rfind(SIGNATURE).ok_or("broken framework")?;
        Ok(Frame { text: text.join("\r\n"), signature: &file[start..] })
    }
}
