use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::json;

use super::calls::{Caller, Calls};
use crate::client::{Client, Text};

/// Keys, as the server has acknowledged them.
#[derive(Default)]
pub(super) struct Changes(Vec<Made>);

struct Made {
    id: String,
    secret: String,
    retired: Option<String>,
    revoked: bool,
    /// Whether it was changed since it was checked.
    news: bool,
}

impl Changes {
    /// Makes, rotates and revokes keys until the server is gone.
    pub(super) fn make(&mut self, owner: &Caller<'_>, mut chance: StdRng) {
        while self.make_one(owner, &mut chance).is_some() {}
    }

    fn make_one(&mut self, owner: &Caller<'_>, chance: &mut StdRng) -> Option<()> {
        let place = chance.random_range(0..self.0.len() + 1);
        if place == self.0.len() || self.0[place].revoked || chance.random_bool(0.4) {
            let body = json!({ "name": "x", "environment": "live", "scopes": ["org:read"] });
            let answer = owner.post("/v1/keys", &body)?.expect(201);
            let (id, secret) = (answer["key"]["id"].text(), answer["api_key"].text());
            self.0.push(Made { id, secret, retired: None, revoked: false, news: true });
            return Some(());
        }
        // If there is no answer, nobody knows what it is now.
        let mut key = self.0.swap_remove(place);
        if chance.random_bool(0.7) {
            let body = json!({ "overlap_seconds": 0 });
            let answer = owner.post(&format!("/v1/keys/{}/rotate", key.id), &body)?.expect(200);
            key.retired = Some(std::mem::replace(&mut key.secret, answer["api_key"].text()));
        } else {
            owner.post(&format!("/v1/keys/{}/revoke", key.id), &json!({}))?.expect(200);
            key.revoked = true;
        }
        key.news = true;
        self.0.push(key);
        Some(())
    }

    /// Everything acknowledged by the server that was killed last is there.
    pub(super) fn check(&mut self, anyone: &Client, calls: &Calls) {
        for key in self.0.iter_mut().filter(|key| key.news) {
            key.check(anyone, calls);
            key.news = false;
        }
    }

    /// Everything that was ever acknowledged is there.
    pub(super) fn check_all(&mut self, anyone: &Client, calls: &Calls) {
        assert!(self.0.iter().any(|key| key.retired.is_some()), "no key was rotated");
        assert!(self.0.iter().any(|key| key.revoked), "no key was revoked");
        self.0.iter_mut().for_each(|key| key.news = true);
        self.check(anyone, calls);
    }
}

impl Made {
    fn check(&self, anyone: &Client, calls: &Calls) {
        let whoami = |secret: &str| {
            Caller::new(anyone, &self.id, secret, calls).get("/v1/whoami").expect("an answer")
        };
        let answer = whoami(&self.secret);
        assert_eq!(answer.status, if self.revoked { 401 } else { 200 }, "{}", self.id);
        if let Some(retired) = &self.retired {
            assert_eq!(whoami(retired).status, 401, "{}", self.id);
        }
    }
}
