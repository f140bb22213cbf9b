use crate::uuid_v7::uuid_v7;

uuid_v7! {
    /// The lasting identity of a key: a UUIDv7 (RFC 9562 §5.7). Ids sort by the time of creation, to
    /// the microsecond, which is what makes a list newest first.
    KeyId,
    /// The text is not a UUID.
    #[error("a key id is a UUID, such as 0190a6e4-5b2c-7d3e-8f40-112233445566")]
    InvalidKeyId
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::Timestamp;

    #[test]
    fn id_is_a_uuid_of_version_seven() {
        let id = KeyId::new(Timestamp::from_micros(1_645_557_742_000_000), [0xff; 8]);
        assert_eq!(id.to_string(), "017f22e2-79b0-7000-bfff-ffffffffffff");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(Uuid::from_bytes(*id.as_bytes()).get_version_num(), 7);
    }

    #[test]
    fn ids_sort_by_microsecond() {
        let at = |micros, random| KeyId::new(Timestamp::from_micros(micros), [random; 8]);
        for micros in [-5, 0, 999, 1_000, 1_645_557_742_000_998] {
            assert!(at(micros, 0xff) < at(micros.max(0) + 1, 0x00), "{micros}");
        }
    }

    #[test]
    fn only_the_hyphenated_form_is_read() {
        for bad in
            ["", "1", "017f22e279b07000bfffffffffffffff", "{017f22e2-79b0-7000-bfff-ffffffffffff}"]
        {
            assert_eq!(bad.parse::<KeyId>(), Err(InvalidKeyId), "{bad}");
        }
    }
}
