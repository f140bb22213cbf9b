use keyfob_core::ScopeSet;

keyfob_core::scopes! { enum Mine { Read => "org:read" } }
keyfob_core::scopes! { enum Theirs { Read => "org:read" } }

fn main() {
    let granted = ScopeSet::<Theirs>::EMPTY;
    let _ = granted.contains(Mine::Read);
}
