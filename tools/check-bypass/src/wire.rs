//! HTTP/1.1 as bytes, over TCP or TLS: what is sent is what was asked for; what comes back is read as far as is needed
//! to judge it, and no further.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

/// So much of a body is read.
const MOST: usize = 256 * 1024;
/// Heads are shorter.
const HEAD: usize = 64 * 1024;

/// Where requests go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Over TLS.
    pub secure: bool,
    /// The host, as it is connected to.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl Endpoint {
    /// Reads `http://host[:port]` or `https://host[:port]`; a path must not follow.
    pub fn parse(url: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("{url:?}: {why}");
        let (scheme, rest) =
            url.trim().split_once("://").ok_or_else(|| wrong("expected http:// or https://"))?;
        let secure = match scheme {
            "http" => false,
            "https" => true,
            _ => return Err(wrong("expected http:// or https://")),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.is_empty() || authority.contains(['/', '?', '#', '@']) {
            return Err(wrong("expected a host, with a port or without, and nothing behind it"));
        }
        let bracket = authority.rfind(']').unwrap_or(0);
        let (host, port) = match authority.rfind(':').filter(|colon| *colon >= bracket) {
            Some(colon) => {
                let (host, port) = authority.split_at(colon);
                (host, port.trim_start_matches(':').parse().map_err(|_| wrong("that is no port"))?)
            }
            None => (authority, if secure { 443 } else { 80 }),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self { secure, host, port })
    }

    /// What stands in the `host` header.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let implied = if self.secure { 443 } else { 80 };
        if self.port == implied { host } else { format!("{host}:{}", self.port) }
    }

    /// Sends bytes on a connection of their own, and reads the answer, for at most this long.
    pub fn exchange(&self, bytes: &[u8], patience: Duration) -> io::Result<Answer> {
        let deadline = Instant::now() + patience;
        let address = (self.host.as_str(), self.port).to_socket_addrs()?.next();
        let address =
            address.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the host has no address"))?;
        let stream = TcpStream::connect_timeout(&address, patience)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(patience))?;
        if self.secure {
            return answer(secured(&self.host, stream)?, bytes, deadline);
        }
        answer(stream, bytes, deadline)
    }
}

#[cfg(feature = "tls")]
fn secured(host: &str, stream: TcpStream) -> io::Result<impl Read + Write> {
    use std::sync::{Arc, OnceLock};

    use rustls::pki_types::ServerName;
    use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    let config = CONFIG.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        // HTTP/2 would not carry the target as it stands.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Arc::new(config)
    });
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let connection = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
    Ok(StreamOwned::new(connection, stream))
}

#[cfg(not(feature = "tls"))]
fn secured(_: &str, _: TcpStream) -> io::Result<TcpStream> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "built without the feature \"tls\""))
}

/// An answer, as far as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers, in their order; names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, at most its first 256 KB.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

fn answer(mut stream: impl Read + Write, bytes: &[u8], deadline: Instant) -> io::Result<Answer> {
    // A server may answer, and close, before it has read everything: what it said counts.
    let written = stream.write_all(bytes).and_then(|()| stream.flush());
    let mut reader = Reader { stream, buffer: Vec::new(), deadline };
    let head = loop {
        let head = match reader.head() {
            Ok(head) => head,
            Err(error) => return Err(written.err().unwrap_or(error)),
        };
        if head.status == 101 || !(100..200).contains(&head.status) {
            break head;
        }
    };
    let bodiless = bytes.starts_with(b"HEAD ") || matches!(head.status, 101 | 204 | 304);
    let body = if bodiless { Vec::new() } else { reader.body(&head)? };
    Ok(Answer { body, ..head })
}

struct Reader<S> {
    stream: S,
    buffer: Vec<u8>,
    deadline: Instant,
}

impl<S: Read> Reader<S> {
    /// Reads more; false: there is no more.
    fn more(&mut self) -> io::Result<bool> {
        if Instant::now() > self.deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let mut piece = [0; 16 * 1024];
        let read = match self.stream.read(&mut piece) {
            // Without a goodbye, as many servers end a TLS connection.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => 0,
            other => other?,
        };
        self.buffer.extend(piece.iter().take(read));
        Ok(read > 0)
    }

    fn head(&mut self) -> io::Result<Answer> {
        let end = loop {
            if let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            if self.buffer.len() > HEAD || !self.more()? {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "no answer, or none of HTTP's"));
            }
        };
        let rest = self.buffer.split_off(end + 4);
        let head = String::from_utf8_lossy(&self.buffer).into_owned();
        self.buffer = rest;
        let mut lines = head.lines();
        let status =
            lines.next().unwrap_or_default().split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no status"))?;
        let header = |line: &str| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_ascii_lowercase(), value.trim().to_owned()))
        };
        Ok(Answer { status, headers: lines.filter_map(header).collect(), body: Vec::new() })
    }

    fn body(&mut self, head: &Answer) -> io::Result<Vec<u8>> {
        let chunked = head
            .header("transfer-encoding")
            .is_some_and(|value| value.to_ascii_lowercase().contains("chunked"));
        let length: Option<usize> = head.header("content-length").and_then(|value| value.parse().ok());
        loop {
            if chunked {
                let (body, whole) = dechunked(&self.buffer);
                if whole || body.len() > MOST {
                    return Ok(cut(body));
                }
            } else if self.buffer.len() >= length.unwrap_or(usize::MAX).min(MOST) {
                let mut body = std::mem::take(&mut self.buffer);
                body.truncate(length.unwrap_or(MOST));
                return Ok(cut(body));
            }
            match self.more() {
                Ok(true) => {}
                // What came counts, however it ends.
                Ok(false) | Err(_) => {
                    return Ok(cut(if chunked {
                        dechunked(&self.buffer).0
                    } else {
                        std::mem::take(&mut self.buffer)
                    }));
                }
            }
        }
    }
}

fn cut(mut body: Vec<u8>) -> Vec<u8> {
    body.truncate(MOST);
    body
}

/// The chunks that are there, and whether the last one is among them.
fn dechunked(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
        let (size, after) = rest.split_at(end);
        let size = String::from_utf8_lossy(size);
        let Ok(size) = usize::from_str_radix(size.split(';').next().unwrap_or_default().trim(), 16) else {
            return (body, true);
        };
        if size == 0 {
            return (body, true);
        }
        let after = after.get(2..).unwrap_or_default();
        body.extend(after.iter().take(size));
        let Some(next) = after.get(size + 2..) else { return (body, false) };
        rest = next;
    }
    (body, false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// What a server that says this is understood as.
    fn understood(said: &'static [u8], request: &[u8]) -> io::Result<Answer> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let endpoint =
            Endpoint { secure: false, host: "127.0.0.1".into(), port: listener.local_addr()?.port() };
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut piece = [0; 1024];
            let _ = stream.read(&mut piece).unwrap();
            stream.write_all(said).unwrap();
        });
        let answer = endpoint.exchange(request, Duration::from_secs(5));
        server.join().unwrap();
        answer
    }

    #[test]
    fn an_answer_is_read_by_its_framing() {
        let rows: [(&[u8], u16, &[u8]); 6] = [
            (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef", 200, b"abc"),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2;x\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
                200,
                b"abc",
            ),
            (b"HTTP/1.1 404 Not Found\r\n\r\nuntil closed", 404, b"until closed"),
            (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 402 Pay\r\ncontent-length: 1\r\n\r\nx", 402, b"x"),
            (b"HTTP/1.1 204 No\r\n\r\nnothing of this", 204, b""),
            (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc", 200, b"abc"),
        ];
        for (said, status, body) in rows {
            let answer = understood(said, b"GET / HTTP/1.1\r\n\r\n").unwrap();
            assert_eq!(
                (answer.status, answer.body.as_slice()),
                (status, body),
                "{}",
                String::from_utf8_lossy(said)
            );
        }
        let head =
            understood(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n", b"HEAD / HTTP/1.1\r\n\r\n").unwrap();
        assert_eq!((head.status, head.body.len(), head.header("content-length")), (200, 0, Some("3")));
        assert!(understood(b"", b"GET / HTTP/1.1\r\n\r\n").is_err());
        assert!(understood(b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n").is_err());
    }

    #[test]
    fn an_endpoint_is_a_host_and_nothing_else() {
        let endpoint = |secure, host: &str, port| Ok(Endpoint { secure, host: host.into(), port });
        assert_eq!(Endpoint::parse("http://127.0.0.1:8402/"), endpoint(false, "127.0.0.1", 8402));
        assert_eq!(Endpoint::parse("https://api.example"), endpoint(true, "api.example", 443));
        assert_eq!(Endpoint::parse("http://[::1]:80"), endpoint(false, "::1", 80));
        assert_eq!(Endpoint::parse("http://[::1]").unwrap().authority(), "[::1]");
        assert_eq!(Endpoint::parse("https://a.example:8443").unwrap().authority(), "a.example:8443");
        assert_eq!(Endpoint::parse("https://a.example:443").unwrap().authority(), "a.example");
        for wrong in
            ["a.example", "ftp://a", "http://", "http://a/b", "http://u@a", "http://a:b", "http://a?x"]
        {
            assert!(Endpoint::parse(wrong).is_err(), "{wrong}");
        }
    }
}
