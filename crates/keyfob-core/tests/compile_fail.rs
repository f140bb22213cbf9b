//! What the types forbid. Each file holds one mistake and, beside it, the compiler's answer: a
//! mistake that fails for another reason than the expected one fails this test.
//!
//! Rules that a panic in const position holds (brands, names of scopes) are not here, since the
//! compiler's words for those depend on whether its own sources are installed: they are examples
//! that do not compile in the documentation, and unit tests of the panics.
//!
//! After a new compiler words a message differently: `TRYBUILD=overwrite`, and read the change.

#[test]
fn mistakes_with_keys_do_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
