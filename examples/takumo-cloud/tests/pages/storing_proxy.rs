//! A proxy that takes `Cache-Control` out of the answers of a site: a browser stores its pages then, on
//! disk and in memory, as one that does not heed the header would.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

/// Starts one in front of a site, and answers with its URL. It ends with the test's process.
pub(crate) fn in_front_of(site: &str) -> String {
    let site = site.strip_prefix("http://").unwrap().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for client in listener.incoming().map(Result::unwrap) {
            let site = site.clone();
            // A browser opens connections that it never uses, and drops others.
            std::thread::spawn(move || drop(pass(client, &site)));
        }
    });
    url
}

/// One request and its answer.
fn pass(mut client: TcpStream, site: &str) -> std::io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut head = head(&mut reader)?;
    let length = head.iter().find_map(|line| value(line, "content-length")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    head.retain(|line| value(line, "connection").is_none());
    head.insert(1, "connection: close".into());
    let mut server = TcpStream::connect(site)?;
    send(&mut server, &head, &body)?;

    let mut reader = BufReader::new(server);
    let mut head = self::head(&mut reader)?;
    let mut body = Vec::new();
    reader.read_to_end(&mut body)?;
    head.retain(|line| value(line, "cache-control").is_none());
    send(&mut client, &head, &body)
}

/// The first line and the headers.
fn head(reader: &mut impl BufRead) -> std::io::Result<Vec<String>> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        match line.trim_end() {
            "" => return Ok(lines),
            line => lines.push(line.to_owned()),
        }
    }
}

fn value<'l>(line: &'l str, name: &str) -> Option<&'l str> {
    let (own, value) = line.split_once(':')?;
    own.eq_ignore_ascii_case(name).then(|| value.trim())
}

fn send(stream: &mut TcpStream, head: &[String], body: &[u8]) -> std::io::Result<()> {
    let head = head.iter().fold(String::new(), |head, line| head + line + "\r\n") + "\r\n";
    stream.write_all(&[head.as_bytes(), body].concat())?;
    stream.flush()
}
