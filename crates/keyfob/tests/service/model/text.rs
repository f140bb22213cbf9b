use keyfob::{FoundKey, KeyHash, Refusal, ScopeSet, Timestamp};

use super::verdict::{Verdict, verdict};
use crate::{FORMAT, Scope};

/// A text that may be presented, and what it was worth since the case began.
pub(super) struct Text {
    pub(super) plaintext: String,
    pub(super) hash: KeyHash,
    chapters: Vec<Chapter>,
    /// For each node the last step whose outcome it must know.
    known: [u64; 2],
    /// For each node whether it may go on to think that the text is nobody's.
    nobodys: [bool; 2],
}

struct Chapter {
    since: u64,
    found: Option<FoundKey>,
    /// Whether the feed has to tell of it.
    told: bool,
}

const DAY: i64 = 24 * 60 * 60 * 1_000_000;

impl Text {
    pub(super) fn new(plaintext: String) -> Self {
        let hash = FORMAT.parse(&plaintext).unwrap().hash();
        let nobodys = Chapter { since: 0, found: None, told: true };
        Self { plaintext, hash, chapters: vec![nobodys], known: [0; 2], nobodys: [false; 2] }
    }

    pub(super) fn found(&self) -> Option<&FoundKey> {
        self.chapters.last().and_then(|chapter| chapter.found.as_ref())
    }

    /// Notes what the text is worth after a step at this time.
    pub(super) fn note(&mut self, step: u64, found: Option<FoundKey>, at: Timestamp) {
        if found.as_ref() == self.found() {
            return;
        }
        let retired_before = |end: Timestamp| end.as_micros() <= at.as_micros().saturating_sub(DAY);
        let old = found.as_ref().and_then(|found| found.retires_at).is_some_and(retired_before);
        self.chapters.push(Chapter { since: step, found, told: !old });
    }

    /// The node knows what the text is worth after this step.
    pub(super) fn is_known(&mut self, node: usize, step: u64) {
        self.known[node] = self.known[node].max(step);
        self.nobodys[node] = false;
    }

    /// The node has deleted the organization that the text's key belonged to. It may not know that
    /// there was such a key, if another node made it.
    pub(super) fn is_deleted(&mut self, node: usize, step: u64) {
        let unknown =
            self.nobodys[node] || self.known_chapters(node).any(|chapter| chapter.found.is_none());
        self.is_known(node, step);
        self.nobodys[node] = unknown;
    }

    /// The node has read the feed.
    pub(super) fn is_told(&mut self, node: usize) {
        let told = self.chapters.iter().rev().find(|chapter| chapter.told);
        if let Some(since) = told.map(|chapter| chapter.since) {
            self.is_known(node, since);
        }
    }

    /// Whether the node may answer so, since it does not have to know better. From then on it
    /// knows what it has answered by.
    pub(super) fn allows(
        &mut self,
        node: usize,
        seen: &Verdict,
        required: ScopeSet<Scope>,
        now: Timestamp,
    ) -> bool {
        let answers = |chapter: &&Chapter| verdict(chapter.found.as_ref(), required, now) == *seen;
        let since = self.known_chapters(node).find(answers).map(|chapter| chapter.since);
        let Some(since) = since else {
            return self.nobodys[node] && *seen == Err(Refusal::Unknown);
        };
        self.is_known(node, since);
        true
    }

    /// All verdicts that the node may give.
    pub(super) fn verdicts(
        &self,
        node: usize,
        required: ScopeSet<Scope>,
        now: Timestamp,
    ) -> Vec<Verdict> {
        let nobodys = self.nobodys[node].then_some(Err(Refusal::Unknown));
        self.known_chapters(node)
            .map(|chapter| verdict(chapter.found.as_ref(), required, now))
            .chain(nobodys)
            .collect()
    }

    /// The last chapter that the node must know, and those after it.
    fn known_chapters(&self, node: usize) -> impl Iterator<Item = &Chapter> {
        let known = self.known[node];
        let first = self.chapters.iter().rposition(|chapter| chapter.since <= known);
        self.chapters[first.unwrap_or(0)..].iter()
    }
}
