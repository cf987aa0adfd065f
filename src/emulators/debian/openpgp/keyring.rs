//! Certificates, and whether they signed a text. The arithmetic is rPGP's; the policy is ours: pinned certificates, no
//! weak hash, no expired or revoked key, no key that may not sign.

use std::io::Cursor;
use std::path::Path;

use pgp::composed::{Deserializable, DetachedSignature, SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Signature, SignatureType};
use pgp::types::KeyDetails;

use super::clearsigned::Frame;
use crate::emulators::debian::data;
use crate::error::{Doing, Error, Result};
use crate::time::{CLOCK, Timestamp, seconds, show};

/// A keyring is small; Debian's whole archive keyring is 56 kB.
const MAX_KEYRING: u64 = 4 << 20;

/// An InRelease file carries three signatures; a thousand would be a way to keep us busy.
const MAX_SIGNATURES: usize = 16;

/// Whose signatures count.
#[derive(Debug, Clone)]
pub struct Keyring {
    name: String,
    keys: Vec<SignedPublicKey>,
}

impl Keyring {
    /// The Debian archive's keys, built in. Only those whose fingerprints data/debian.toml pins.
    ///
    /// # Errors
    /// The built-in keys and the pinned fingerprints differ.
    pub fn debian() -> Result<Self> {
        let name = "the built-in Debian archive keyring";
        let mut keyring = Keyring::parse(name, data::KEYS)?;
        let pinned = data::SETTINGS.fingerprints;
        keyring.keys.retain(|key| pinned.iter().any(|pin| pin.eq_ignore_ascii_case(&fingerprint(&key.primary_key))));
        match keyring.keys.len() == pinned.len() {
            true => Ok(keyring),
            false => Err(Error::failed(format!("reading {name}"), "it and the pinned fingerprints differ")),
        }
    }

    /// A keyring file, binary or armoured: another archive's, or one's own.
    ///
    /// # Errors
    /// A file that cannot be read, is too long, or has no OpenPGP certificate in it.
    pub fn read(path: &Path) -> Result<Self> {
        let doing = || format!("reading the keyring {}", path.display());
        let size = std::fs::metadata(path).doing(doing)?.len();
        if size > MAX_KEYRING {
            return Err(Error::failed(doing(), format!("{size} bytes, a keyring has at most {MAX_KEYRING}")));
        }
        Keyring::parse(&path.display().to_string(), &std::fs::read(path).doing(doing)?)
    }

    /// What to call it in a sentence.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn parse(name: &str, bytes: &[u8]) -> Result<Self> {
        let doing = || format!("reading the keyring {name}");
        let keys: Vec<SignedPublicKey> = if bytes.starts_with(b"-----BEGIN") {
            let (keys, _) =
                SignedPublicKey::from_armor_many(Cursor::new(bytes)).map_err(|e| Error::failed(doing(), e))?;
            keys.filter_map(|key| key.ok()).collect()
        } else {
            let keys = SignedPublicKey::from_bytes_many(Cursor::new(bytes)).map_err(|e| Error::failed(doing(), e))?;
            keys.filter_map(|key| key.ok()).collect()
        };
        if keys.is_empty() {
            return Err(Error::failed(doing(), "no OpenPGP certificate in it"));
        }
        Ok(Keyring { name: name.to_owned(), keys })
    }

    /// The text inside a clear-signed file, after its signature was verified; `what` names the file.
    ///
    /// # Errors
    /// A file that is not clear-signed, no signature by one of these keys, and any by one of these keys that is wrong.
    pub fn open(&self, what: &str, bytes: &[u8], now: Timestamp) -> Result<String> {
        let doing = || format!("verifying {what}");
        let frame = Frame::parse(bytes).map_err(|why| Error::failed(doing(), why).help(HELP))?;
        let (signatures, _) = DetachedSignature::from_armor_many(Cursor::new(frame.signature))
            .map_err(|e| Error::failed(doing(), e).help(HELP))?;
        let mut good = 0;
        let mut reasons = Vec::new();
        for (number, signature) in signatures.enumerate() {
            if number == MAX_SIGNATURES {
                return Err(Error::failed(doing(), format!("more than {MAX_SIGNATURES} signatures")).help(HELP));
            }
            let signature =
                signature.map_err(|e| Error::failed(doing(), format!("broken signature: {e}")).help(HELP))?.signature;
            match self.check(&signature, frame.text.as_bytes(), now) {
                Ok(()) => good += 1,
                Err(Verdict::Ignored(why)) => reasons.push(why),
                // A key that we trust did not sign this text: whatever the others say, it was changed.
                Err(Verdict::Bad(why)) => return Err(Error::failed(doing(), why).help(HELP)),
            }
        }
        if good > 0 {
            return Ok(frame.text.replace("\r\n", "\n"));
        }
        let why = if reasons.is_empty() { "no signature in it".to_owned() } else { reasons.join("; ") };
        Err(Error::failed(doing(), format!("expected a signature by a key of {}; {why}", self.name)).help(HELP))
    }

    fn check(&self, signature: &Signature, text: &[u8], now: Timestamp) -> Result<(), Verdict> {
        let ignored = |why: String| Err(Verdict::Ignored(why));
        if !matches!(signature.typ(), Some(SignatureType::Text | SignatureType::Binary)) {
            return ignored(format!("a signature of type {:?}", signature.typ()));
        }
        let issuer = issuer(signature);
        if !strong(signature) {
            return ignored(format!("the signature by {issuer} uses a weak hash, {:?}", signature.hash_alg()));
        }
        for key in &self.keys {
            let primary = &key.primary_key;
            let by_primary = made_by(signature, primary);
            let subkey = key.public_subkeys.iter().find(|s| made_by(signature, &s.key));
            if !by_primary && subkey.is_none() {
                continue;
            }
            let usable = usable(key, subkey, now).and_then(|()| in_time(signature, now));
            if let Err(why) = usable {
                return ignored(format!("the key {issuer} {why}"));
            }
            let verified = match subkey {
                Some(subkey) => signature.verify(&subkey.key, text),
                None => signature.verify(primary, text),
            };
            return verified
                .map_err(|_| Verdict::Bad(format!("the signature by {issuer} does not fit the text: it was changed")));
        }
        ignored(format!("signed by {issuer}, which is unknown"))
    }
}

const HELP: &str =
    "nothing of it was used; use another mirror (--mirror URL), or name the archive's own keyring (--keyring FILE)";

/// What came of one signature.
enum Verdict {
    /// It says nothing: by a key that we do not know or no longer trust.
    Ignored(String),
    /// It says that the text was changed.
    Bad(String),
}

fn strong(signature: &Signature) -> bool {
    use HashAlgorithm::{Sha3_256, Sha3_512, Sha256, Sha384, Sha512};
    matches!(signature.hash_alg(), Some(Sha256 | Sha384 | Sha512 | Sha3_256 | Sha3_512))
}

fn fingerprint(key: &impl KeyDetails) -> String {
    crate::text::to_hex(key.fingerprint().as_bytes())
}

fn issuer(signature: &Signature) -> String {
    let fingerprint = signature.issuer_fingerprint().first().map(|f| crate::text::to_hex(f.as_bytes()));
    let id = signature.issuer_key_id().first().map(|id| crate::text::to_hex(id.as_ref()));
    fingerprint.or(id).map_or_else(|| "nobody".to_owned(), |hex| hex.to_uppercase())
}

fn made_by(signature: &Signature, key: &impl KeyDetails) -> bool {
    let fingerprints = signature.issuer_fingerprint();
    if fingerprints.is_empty() {
        return signature.issuer_key_id().contains(&&key.legacy_key_id());
    }
    fingerprints.contains(&&key.fingerprint())
}

fn at(time: pgp::types::Timestamp) -> Timestamp {
    seconds(time.as_secs().into())
}

/// The end of what lasts so long; of 32 bits both, so that no sum is too large.
fn after(start: Timestamp, lifetime: pgp::types::Duration) -> Timestamp {
    seconds(start.as_second() + i64::from(lifetime.as_secs()))
}

/// Whether a signature was made in the past and has not expired.
fn in_time(signature: &Signature, now: Timestamp) -> Result<(), String> {
    let created = signature.created().map(at).ok_or("signed at no time")?;
    if created > now + CLOCK {
        return Err(format!("signed in the future, on {}: is the clock right?", show(created)));
    }
    match signature.signature_expiration_time().map(|lifetime| after(created, lifetime)) {
        Some(end) if end != created && end < now => Err(format!("made a signature that expired on {}", show(end))),
        _ => Ok(()),
    }
}

/// Whether a certificate's primary key, or one of its subkeys, may sign an archive now.
fn usable(key: &SignedPublicKey, subkey: Option<&SignedPublicSubKey>, now: Timestamp) -> Result<(), String> {
    let primary = &key.primary_key;
    if key.details.revocation_signatures.iter().any(|s| s.verify_key(primary).is_ok()) {
        return Err("is revoked".to_owned());
    }
    let of_users = key.details.users.iter().flat_map(|user| {
        let verified = move |s: &&Signature| s.verify_certification(primary, pgp::types::Tag::UserId, &user.id).is_ok();
        user.signatures.iter().filter(|s| s.typ() != Some(SignatureType::CertRevocation)).filter(verified)
    });
    let direct = key.details.direct_signatures.iter().filter(|s| s.verify_key(primary).is_ok());
    let own = newest(of_users.chain(direct)).ok_or("has no valid signature of its own")?;
    alive(primary, own, now)?;
    let Some(subkey) = subkey else {
        return own.key_flags().sign().then_some(()).ok_or_else(|| "is not meant for signing".to_owned());
    };
    let revoked = |s: &&Signature| {
        s.typ() == Some(SignatureType::SubkeyRevocation) && s.verify_subkey_binding(primary, &subkey.key).is_ok()
    };
    if subkey.signatures.iter().any(|s| revoked(&s)) {
        return Err("is revoked".to_owned());
    }
    let bound = |s: &&Signature| {
        s.typ() == Some(SignatureType::SubkeyBinding) && s.verify_subkey_binding(primary, &subkey.key).is_ok()
    };
    let binding = newest(subkey.signatures.iter().filter(bound)).ok_or("is not bound to its certificate")?;
    if !binding.key_flags().sign() {
        return Err("is not meant for signing".to_owned());
    }
    // The subkey must have agreed, or anybody's signing key could be put under a certificate.
    let agreed =
        binding.embedded_signature().is_some_and(|back| back.verify_primary_key_binding(&subkey.key, primary).is_ok());
    if !agreed {
        return Err("did not agree to its certificate".to_owned());
    }
    alive(&subkey.key, binding, now)
}

fn newest<'a>(signatures: impl Iterator<Item = &'a Signature>) -> Option<&'a Signature> {
    signatures.filter(|s| strong(s)).max_by_key(|s| s.created().map(at))
}

fn alive(key: &impl KeyDetails, own: &Signature, now: Timestamp) -> Result<(), String> {
    let created = at(key.created_at());
    match own.key_expiration_time().map(|lifetime| after(created, lifetime)) {
        // A lifetime of 0 has no end.
        Some(end) if end != created && end < now => Err(format!("expired on {}", show(end))),
        _ => Ok(()),
    }
}
