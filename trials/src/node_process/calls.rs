use std::time::Duration;

use super::NodeProcess;
use crate::failure::Failure;
use crate::monotonic::Monotonic;
use crate::protocol::{
    Command, Health, KeyName, Load, Loaded, Raced, Reply, Sight, StoreFault, WatchedKey,
};

/// A revocation that was answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Revoked {
    pub(crate) began: Monotonic,
    pub(crate) returned: Monotonic,
}

impl NodeProcess {
    pub(crate) async fn create(
        &self,
        organization: &str,
        keys: usize,
    ) -> Result<Vec<WatchedKey>, Failure> {
        let organization = organization.to_owned();
        match self.ask(Command::Create { organization, keys }).await? {
            Reply::Created(keys) => Ok(keys),
            _ => Err(Failure::Confused),
        }
    }

    pub(crate) async fn race(
        &self,
        organization: &str,
        creators: usize,
        limit: u64,
        at: Monotonic,
    ) -> Result<Raced, Failure> {
        let organization = organization.to_owned();
        match self.ask(Command::Race { organization, creators, limit, at }).await? {
            Reply::Raced(raced) => Ok(raced),
            _ => Err(Failure::Confused),
        }
    }

    pub(crate) async fn keys_in_use(&self, organization: &str) -> Result<u64, Failure> {
        match self.ask(Command::KeysInUse { organization: organization.to_owned() }).await? {
            Reply::KeysInUse(keys) => Ok(keys),
            _ => Err(Failure::Confused),
        }
    }

    pub(crate) async fn revoke(&self, key: &KeyName) -> Result<Revoked, Failure> {
        match self.ask(Command::Revoke(key.clone())).await? {
            Reply::Revoked { began, returned } => Ok(Revoked { began, returned }),
            _ => Err(Failure::Confused),
        }
    }

    pub(crate) async fn start_load(&self, load: Load) -> Result<(), Failure> {
        self.tell(Command::StartLoad(load)).await
    }

    pub(crate) async fn stop_load(&self) -> Result<Loaded, Failure> {
        match self.ask(Command::StopLoad).await? {
            Reply::Loaded(loaded) => Ok(loaded),
            _ => Err(Failure::Confused),
        }
    }

    pub(crate) async fn watch(&self, keys: Vec<WatchedKey>) -> Result<(), Failure> {
        self.tell(Command::Watch(keys)).await
    }

    pub(crate) async fn see(&self, keys: Vec<KeyName>) -> Result<Vec<Sight>, Failure> {
        match self.ask(Command::See(keys)).await? {
            Reply::Seen(sights) => Ok(sights),
            _ => Err(Failure::Confused),
        }
    }

    pub(crate) async fn unwatch(&self, keys: Vec<KeyName>) -> Result<Vec<Sight>, Failure> {
        match self.ask(Command::Unwatch(keys)).await? {
            Reply::Seen(sights) => Ok(sights),
            _ => Err(Failure::Confused),
        }
    }

    pub(crate) async fn meter(&self, keys: Vec<WatchedKey>) -> Result<(), Failure> {
        self.tell(Command::Meter(keys)).await
    }

    pub(crate) async fn usage(&self, organization: &str) -> Result<Vec<(KeyName, u64)>, Failure> {
        match self.ask(Command::Usage { organization: organization.to_owned() }).await? {
            Reply::Usage(rows) => Ok(rows),
            _ => Err(Failure::Confused),
        }
    }

    pub(crate) async fn step_clock(&self, micros: i64) -> Result<(), Failure> {
        self.tell(Command::StepClock(micros)).await
    }

    pub(crate) async fn fault(&self, fault: StoreFault) -> Result<(), Failure> {
        self.tell(Command::Fault(fault)).await
    }

    pub(crate) async fn health(&self) -> Result<Health, Failure> {
        match self.ask(Command::Health).await? {
            Reply::Health(health) => Ok(health),
            _ => Err(Failure::Confused),
        }
    }

    /// Waits until it answers from memory: a node that has just started does not.
    pub(crate) async fn trusts_its_cache(&self) -> Result<(), Failure> {
        for _ in 0..1_000 {
            if self.health().await?.cache_in_use {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Err(Failure::Late("a node trusts its cache"))
    }

    async fn tell(&self, command: Command) -> Result<(), Failure> {
        match self.ask(command).await? {
            Reply::Done => Ok(()),
            _ => Err(Failure::Confused),
        }
    }

    async fn ask(&self, command: Command) -> Result<Reply, Failure> {
        self.conversation.ask(command).await
    }
}
