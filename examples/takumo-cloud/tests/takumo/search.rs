//! What may be found nowhere, in every spelling that a careless line might give it.

use std::path::Path;
use std::process::Output;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use memchr::memmem;
use sha2::{Digest, Sha256};

use crate::client::Answer;
use crate::place;

/// What may be found nowhere, and where it is looked for.
#[derive(Default)]
pub(crate) struct Search {
    pub(crate) keys: Vec<String>,
    pub(crate) texts: Vec<Text>,
}

pub(crate) struct Text {
    name: String,
    pub(crate) bytes: Vec<u8>,
    /// A database has the hash, as bytes.
    has_hashes: bool,
}

impl Search {
    pub(crate) fn key(&mut self, key: &str) {
        self.keys.push(key.to_owned());
    }

    pub(crate) fn text(&mut self, name: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.texts.push(Text { name: name.into(), bytes: bytes.into(), has_hashes: false });
    }

    pub(crate) fn answer(&mut self, name: &str, answer: &Answer) {
        self.text(name, format!("{:?} {}", answer.headers, answer.body));
    }

    pub(crate) fn output(&mut self, name: &str, output: &Output) {
        self.text(name, [&output.stdout[..], &output.stderr[..]].concat());
    }

    /// All that a database holds.
    pub(crate) fn database(&mut self, directory: &Path) {
        for (name, bytes) in place::contents(directory) {
            self.texts.push(Text { name, bytes, has_hashes: true });
        }
    }

    /// Where something was found, and in which spelling.
    pub(crate) fn found(&self) -> Vec<String> {
        let mut found = Vec::new();
        for spelling in self.keys.iter().flat_map(|key| spellings(key)) {
            let finder = memmem::Finder::new(&spelling.bytes);
            for text in &self.texts {
                let allowed = text.has_hashes && spelling.name == "bytes of the hash";
                if !allowed && finder.find(&text.bytes).is_some() {
                    found.push(format!("the {} in {}", spelling.name, text.name));
                }
            }
        }
        found
    }
}

struct Spelling {
    name: &'static str,
    bytes: Vec<u8>,
}

/// The key and its hash, whole and in part. The prefix and 8 digits are the hint, which may be
/// shown, so a part is longer than that or begins behind it.
fn spellings(key: &str) -> Vec<Spelling> {
    let hash: [u8; 32] = Sha256::digest(key).into();
    let hex = hex::encode(hash);
    let parts = [&key[..17], &key[8..], &key[20..52]];
    let of_hash = [&hex[..17], &hex[30..50]];
    let mut spellings = Vec::new();
    let mut add = |name, bytes: Vec<u8>| spellings.push(Spelling { name, bytes });
    for part in parts {
        add("key", part.into());
        add("key in upper case", part.to_uppercase().into());
        add("key in hex", hex::encode(part).into());
        add("key in percent-encoding", percent(part.as_bytes()).into());
        add("key as a list of numbers", numbers(part.as_bytes()).into());
        // Whatever stands before it in the same text.
        for lead in 0..3 {
            add("key in base64", base64(part.as_bytes(), lead, &STANDARD_NO_PAD).into());
            add("key in base64 for URLs", base64(part.as_bytes(), lead, &URL_SAFE_NO_PAD).into());
        }
    }
    for part in of_hash {
        add("hash", part.into());
        add("hash in upper case", part.to_uppercase().into());
        for lead in 0..3 {
            add("hash's hex in base64", base64(part.as_bytes(), lead, &STANDARD_NO_PAD).into());
        }
    }
    for part in [&hash[..16], &hash[16..]] {
        add("bytes of the hash", part.into());
        add("hash in percent-encoding", percent(part).into());
        add("hash as a list of numbers", numbers(part).into());
        add("hash with escapes", part.escape_ascii().to_string().into());
        for lead in 0..3 {
            add("hash in base64", base64(part, lead, &STANDARD_NO_PAD).into());
            add("hash in base64 for URLs", base64(part, lead, &URL_SAFE_NO_PAD).into());
        }
    }
    spellings
}

/// What base64 makes of the bytes when so many stand before them, but for the digits at either end
/// that depend on others too.
fn base64(bytes: &[u8], lead: usize, engine: &impl Engine) -> String {
    let encoded = engine.encode([&[0; 2][..lead], bytes].concat());
    let begin = if lead == 0 { 0 } else { lead + 1 };
    let whole = (lead + bytes.len()) * 4 / 3;
    encoded[begin..whole].to_owned()
}

pub(crate) fn percent(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat()
}

/// As `Debug` shows bytes.
fn numbers(bytes: &[u8]) -> String {
    bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(", ")
}
