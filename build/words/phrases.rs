//! Phrases, and an index by which all that begin at a place of a line are found without a table that is made at run time.

use std::collections::BTreeMap;

use proc_macro2::TokenStream;
use quote::quote;

use super::super::literal::Literal;
use super::super::source::{Mistake, Source};
use super::data::Text;

/// Bytes of a phrase by which it is looked up.
const KEY: usize = 3;

/// What is looked for, and what it means.
#[derive(Default)]
pub(super) struct Phrases(Vec<Phrase>);

struct Phrase {
    /// In this order on one line, with anything between them.
    parts: Vec<String>,
    /// It is the name of a tool, which is a word of its own.
    name: bool,
    means: TokenStream,
}

impl Phrase {
    /// The longest part, by which it is found.
    fn longest(&self) -> usize {
        (0..self.parts.len()).rev().max_by_key(|&at| self.parts[at].len()).unwrap_or_default()
    }

    fn key(&self) -> [u8; KEY] {
        let mut key = [0; KEY];
        key.copy_from_slice(&self.parts[self.longest()].as_bytes()[..KEY]);
        key
    }
}

impl Phrases {
    /// Adds texts that all mean the same; … in one is anything, and `<debos>` is the tool of that name.
    pub(super) fn add(&mut self, texts: &[Text], means: &TokenStream, source: &Source) -> Result<(), Mistake> {
        for text in texts {
            let wrong = |why: &str| Err(source.mistake(&text.span(), "words", format!("{:?} {why}", text.get_ref())));
            let tool = text.get_ref().strip_prefix('<').and_then(|text| text.strip_suffix('>'));
            let said = tool.unwrap_or(text.get_ref());
            let parts: Vec<String> = said.split('…').filter(|p| !p.is_empty()).map(str::to_owned).collect();
            if !parts.iter().all(|part| is_clean(part)) {
                return wrong("cannot be in a cleaned line: lower case, straight quotes, ASCII colons");
            }
            let phrase = Phrase { parts, name: tool.is_some(), means: means.clone() };
            if phrase.parts.iter().all(|part| part.len() < KEY) {
                return wrong("is too short to look for");
            }
            self.0.push(phrase);
        }
        Ok(())
    }

    /// The phrases, sorted by their key; for each key where its phrases begin; and a bit for each pair of bytes with which
    /// some key begins and for each with which one goes on.
    pub(super) fn generate(mut self) -> TokenStream {
        self.0.sort_by_key(Phrase::key);
        let mut starts: BTreeMap<u32, u16> = BTreeMap::new();
        let mut begins = vec![0u64; 1 << 10];
        for (at, phrase) in self.0.iter().enumerate() {
            let key = phrase.key();
            starts.entry(u32::from_be_bytes([0, key[0], key[1], key[2]])).or_insert(at as u16);
            let pair = usize::from(u16::from_be_bytes([key[0], key[1]]));
            begins[pair / 64] |= 1 << (pair % 64);
        }
        let mut texts = String::new();
        let mut rows = Vec::new();
        for phrase in &self.0 {
            let (start, text, longest) = (texts.len() as u32, phrase.parts.join("…"), phrase.longest());
            let before: usize = phrase.parts[..longest].iter().map(|part| part.len() + "…".len()).sum();
            let (len, key, key_end) = (text.len() as u16, before as u16, (before + phrase.parts[longest].len()) as u16);
            let (name, means) = (phrase.name, &phrase.means);
            rows.push(
                quote!(Phrase { start: #start, len: #len, key: #key, key_end: #key_end, name: #name, means: #means }),
            );
            texts += &text;
        }
        let (keys, firsts): (Vec<u32>, Vec<u16>) = starts.into_iter().unzip();
        let (count, keys, firsts) = (self.0.len(), keys.literal(), firsts.literal());
        quote! {
            static PHRASES: [Phrase; #count] = [#(#rows),*];
            /// The texts of the phrases, one after the other.
            static TEXTS: &str = #texts;
            /// The first bytes of phrases, in order.
            static KEYS: &[u32] = #keys;
            /// For each key the first of its phrases.
            static FIRSTS: &[u16] = #firsts;
            /// Whether a key begins with a pair of bytes.
            static PAIRS: [u64; 1024] = [#(#begins),*];
        }
    }
}

/// Whether it can be in a line as the doctor looks through it.
fn is_clean(part: &str) -> bool {
    const CLEANED: [char; 17] =
        ['`', '´', '’', '‘', '′', '‚', '“', '”', '„', '«', '»', '「', '」', '：', '（', '）', '，'];
    part.to_ascii_lowercase() == part && !part.contains(CLEANED)
}
