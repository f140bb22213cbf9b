//! The life of an API key in one page: created, verified, refused for what it may not do, revoked,
//! and refused. The store is in memory, so nothing has to be set up: `cargo run -p quickstart`.

#![allow(clippy::print_stdout, reason = "it tells its story on the terminal")]

use std::error::Error;

use keyfob::{Actor, CreateKey, Environment, KeyFormat, KeyLimit, KeyName, KeyService, Reason};
use keyfob_memory::MemoryStore;

keyfob::scopes! {
    /// What a key of this service may do.
    enum Scope {
        /// Read the results of scans.
        ShieldRead => "shield:read",
        /// Run scans.
        ShieldWrite => "shield:write",
    }
}

const FORMAT: KeyFormat = KeyFormat::new("tk");

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let keys = KeyService::<Scope, _>::builder(FORMAT, MemoryStore::new()).build();
    let alice = Actor::new("user:alice")?;

    let request = CreateKey::new(
        "acme".parse()?,
        KeyName::new("ci-pipeline")?,
        Environment::Live,
        Scope::ShieldRead.into(),
    );
    let created = keys.create(request, KeyLimit::AtMost(3), alice.clone()).await?;
    // The plaintext is for the client alone. Here, this program is the client.
    let presented = created.api_key.expose_secret();
    println!("created   {} for {}", created.api_key.hint(), created.key.organization);

    let principal = keys.verify(presented).await?;
    println!("verified  it is {}'s, and may {}", principal.organization, principal.scopes);

    keys.authorize(presented, Scope::ShieldRead).await?;
    println!("allowed   to read scans");

    let refused = keys.authorize(presented, Scope::ShieldWrite).await.err().ok_or("accepted")?;
    println!("refused   to run scans: {refused}");

    let reason = Some(Reason::new("it was in a public repository")?);
    keys.revoke(&principal.organization, principal.key, reason, alice).await?;
    println!("revoked   {}", created.api_key.hint());

    let refused = keys.verify(presented).await.err().ok_or("accepted")?;
    println!("refused   from now on: {refused}");
    Ok(())
}
