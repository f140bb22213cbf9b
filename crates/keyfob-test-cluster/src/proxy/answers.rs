use std::mem;

/// Reads what a server says, message by message, to find the one that shall be lost.
///
/// The protocol: <https://www.postgresql.org/docs/15/protocol-message-formats.html>.
#[derive(Debug, Default)]
pub(super) struct Answers {
    stage: Stage,
    /// The beginning of a message whose end has not arrived.
    unread: Vec<u8>,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Before the first message, where `N` alone says no to a request for encryption.
    #[default]
    Start,
    Messages,
    /// An answer is being kept from the client, up to the end of the request.
    Losing,
    /// Encrypted: nothing can be read.
    Opaque,
}

/// What to do with the bytes that were read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Pass on this many of them, and keep the rest back.
    Pass(usize),
    /// The answer is complete, and lost: end the connection.
    Lost,
}

const COMMAND_COMPLETE: u8 = b'C';
const READY_FOR_QUERY: u8 = b'Z';

impl Answers {
    /// Looks at the next bytes, and asks `loses` about the tag of each completed command.
    pub(super) fn read(&mut self, bytes: &[u8], mut loses: impl FnMut(&[u8]) -> bool) -> Verdict {
        if self.stage == Stage::Opaque {
            return Verdict::Pass(bytes.len());
        }
        let earlier = self.unread.len();
        let mut unread = mem::take(&mut self.unread);
        unread.extend_from_slice(bytes);
        let mut passed = if self.stage == Stage::Losing { 0 } else { bytes.len() };
        let mut read = 0;
        while let Some((kind, length)) = self.next(&unread[read..]) {
            let message = &unread[read..read + length];
            if kind == COMMAND_COMPLETE && self.stage == Stage::Messages && loses(&message[5..]) {
                self.stage = Stage::Losing;
                // Of a message whose beginning has passed already, no more passes.
                passed = read.saturating_sub(earlier);
            } else if kind == READY_FOR_QUERY && self.stage == Stage::Losing {
                return Verdict::Lost;
            }
            read += length;
        }
        if self.stage != Stage::Opaque {
            self.unread = unread.split_off(read);
        }
        Verdict::Pass(passed)
    }

    /// The kind and the length of the next message, when all of it is there.
    fn next(&mut self, bytes: &[u8]) -> Option<(u8, usize)> {
        let kind = *bytes.first()?;
        if self.stage == Stage::Start {
            match kind {
                b'N' => return Some((kind, 1)),
                b'S' | b'G' => {
                    self.stage = Stage::Opaque;
                    return None;
                }
                _ => self.stage = Stage::Messages,
            }
        }
        let length = bytes.get(1..5)?.try_into().expect("four bytes");
        let length = 1 + usize::try_from(u32::from_be_bytes(length)).ok()?;
        (length >= 5 && bytes.len() >= length).then_some((kind, length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap();
        [&[kind], &length.to_be_bytes()[..], body].concat()
    }

    fn read(answers: &mut Answers, bytes: &[u8]) -> Verdict {
        answers.read(bytes, |tag| tag.starts_with(b"COMMIT"))
    }

    fn conversation() -> (Vec<u8>, Vec<u8>) {
        let before = [
            b"N".to_vec(),
            message(b'R', &[0; 4]),
            message(b'Z', b"I"),
            message(b'C', b"INSERT 0 1\0"),
            message(b'Z', b"T"),
        ];
        (before.concat(), [message(b'C', b"COMMIT\0"), message(b'Z', b"I")].concat())
    }

    #[test]
    fn answer_is_lost_when_it_is_complete_and_nothing_before_it_is() {
        let (before, lost) = conversation();
        let mut answers = Answers::default();
        assert_eq!(read(&mut answers, &before), Verdict::Pass(before.len()));
        assert_eq!(read(&mut answers, &lost), Verdict::Lost);

        let mut answers = Answers::default();
        assert_eq!(read(&mut answers, &[before, lost].concat()), Verdict::Lost);
    }

    #[test]
    fn answer_is_found_however_it_arrives() {
        let (before, lost) = conversation();
        let mut answers = Answers::default();
        let all: Vec<_> = before.iter().chain(&lost).collect();
        let (end, others) = all.split_last().unwrap();
        for byte in others {
            assert!(matches!(read(&mut answers, &[**byte]), Verdict::Pass(_)));
        }
        assert_eq!(read(&mut answers, &[**end]), Verdict::Lost);
    }

    #[test]
    fn what_is_encrypted_passes() {
        let mut answers = Answers::default();
        let bytes = [b"S".to_vec(), message(b'C', b"COMMIT\0"), message(b'Z', b"I")].concat();
        assert_eq!(read(&mut answers, &bytes), Verdict::Pass(bytes.len()));
        assert_eq!(read(&mut answers, &bytes), Verdict::Pass(bytes.len()));
    }
}
