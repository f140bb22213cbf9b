//! Clients that send a change and hang up before it is answered.

use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpStream};

use serde_json::{Value, json};

use crate::client::Client;
use crate::server::{TestServer, demo};

const CHANGES: u32 = 60;

/// Sends a request and closes the connection. The more `spins`, the later.
fn send_and_hang_up(address: SocketAddr, key: &str, head: &str, body: &Value, spins: u32) {
    let body = body.to_string();
    let request = format!(
        "{head} HTTP/1.1\r\nHost: takumo\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    for _ in 0..spins {
        std::hint::spin_loop();
    }
    let _ = stream.shutdown(Shutdown::Both);
}

/// Every event of this action.
fn lines(client: &Client, action: &str) -> Vec<Value> {
    let mut lines = Vec::new();
    let mut path = format!("/v1/audit/events?limit=200&action={action}");
    loop {
        let mut page = client.get(&path).expect(200);
        lines.append(page["events"].as_array_mut().unwrap());
        match page["next_cursor"].as_str() {
            Some(next) => {
                path = format!("/v1/audit/events?limit=200&action={action}&cursor={next}");
            }
            None => return lines,
        }
    }
}

#[test]
fn change_whose_client_hangs_up_has_its_line_in_the_log() {
    let (directory, server, _) = demo();
    let key = server.first_key.clone().unwrap();
    for round in 0..CHANGES {
        let hang_up = |head: &str, body: Value| {
            send_and_hang_up(server.address, &key, head, &body, round * round * 200);
        };
        hang_up("PUT /v1/policies/pii", json!({ "round": round }));
        hang_up("POST /v1/fleet/gateways", json!({ "name": format!("edge-{round}") }));
        hang_up("PATCH /v1/organization", json!({ "name": format!("Demo {round}") }));
    }
    // A server that stops finishes what it has begun, and nothing more happens after that.
    drop(server);
    let server = TestServer::start(directory.path());
    let client = server.client().with_key(key);

    let policy = client.get("/v1/policies/pii");
    let version =
        if policy.status == 404 { json!(0) } else { policy.expect(200)["version"].clone() };
    assert_eq!(json!(lines(&client, "policy.edited").len()), version);

    let fleet = client.get("/v1/fleet/gateways?limit=200").expect(200);
    let gateways = fleet["gateways"].as_array().unwrap().len();
    assert_eq!(lines(&client, "gateway.registered").len(), gateways);

    let name = client.get("/v1/organization").expect(200)["name"].clone();
    let renamed = lines(&client, "organization.edited");
    let last = renamed.iter().find_map(|line| line["details"]["name"].get("to")).cloned();
    assert_eq!(last.unwrap_or(json!("Demo")), name);
    assert!(version != json!(0) && gateways > 0, "no change was made, so nothing was tested");
}
