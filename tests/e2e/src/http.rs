//! HTTP/1.1 as bytes: what a test writes is what goes over the wire, repeated headers, odd bytes and odd targets
//! included; what comes back is read by its framing, and checked to end where it says.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;
use stripe402_core::protocol::{
    PAYMENT_REQUIRED, PAYMENT_RESPONSE, PaymentRequired, PaymentResponse, decode,
};

/// Longer than anything here takes: a hang ends the test.
const PATIENCE: Duration = Duration::from_secs(90);

/// A request, as it goes over the wire.
#[derive(Clone, Debug)]
pub struct Request {
    method: String,
    target: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Option<Vec<u8>>,
}

impl Request {
    /// A request for a target, which is sent as it stands.
    pub fn new(method: &str, target: &str) -> Self {
        Self { method: method.to_owned(), target: target.to_owned(), headers: Vec::new(), body: None }
    }

    /// GET.
    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// POST with a body.
    pub fn post(target: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::new("POST", target).body(body)
    }

    /// One more header; a name may stand more than once.
    pub fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The `payment` header.
    pub fn payment(self, value: impl Into<Vec<u8>>) -> Self {
        self.header("payment", value)
    }

    /// With a body and its length.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    fn bytes(&self, host: SocketAddr) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nhost: {host}\r\n", self.method, self.target);
        if !self.headers.iter().any(|(name, _)| name == "connection") {
            head.push_str("connection: close\r\n");
        }
        if let Some(body) = &self.body {
            let _ = write!(head, "content-length: {}\r\n", body.len());
        }
        let mut bytes = head.into_bytes();
        for (name, value) in &self.headers {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(self.body.as_deref().unwrap_or_default());
        bytes
    }

    /// Sends it, and leaves the answer to whoever reads the connection, or hangs up.
    pub fn only_sends(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        (&stream).write_all(&self.bytes(address))?;
        Ok(stream)
    }

    /// Sends it, and gives the answer as soon as its headers are there.
    pub fn open(&self, address: SocketAddr) -> io::Result<Incoming> {
        Incoming::read_head(BufReader::new(self.only_sends(address)?), self.method == "HEAD")
    }

    /// Sends it, and gives the whole answer.
    pub fn send(&self, address: SocketAddr) -> io::Result<Response> {
        let mut incoming = self.open(address)?;
        let mut body = Vec::new();
        incoming.read_to_end(&mut body)?;
        let mut beyond = Vec::new();
        incoming.stream.read_to_end(&mut beyond)?;
        if !beyond.is_empty() {
            return Err(io::Error::other(format!("{} bytes beyond the end of the answer", beyond.len())));
        }
        Ok(Response { status: incoming.status, headers: incoming.headers, body })
    }
}

/// How the end of a body is known.
#[derive(Clone, Copy, Debug)]
enum Framing {
    /// So many bytes are left.
    Length(u64),
    /// So many bytes are left of this chunk.
    Chunk(u64),
    /// The size of a chunk comes next, after the end of the one before.
    ChunkSize {
        first: bool,
    },
    UntilClosed,
}

/// An answer whose body is still coming; reading it gives the body, decoded from its framing.
#[derive(Debug)]
pub struct Incoming {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: Headers,
    stream: BufReader<TcpStream>,
    framing: Framing,
}

impl Incoming {
    fn read_head(mut stream: BufReader<TcpStream>, bodiless: bool) -> io::Result<Self> {
        let status = line(&mut stream)?;
        let status: u16 = status
            .strip_prefix("HTTP/1.1 ")
            .and_then(|rest| rest.get(..3)?.parse().ok())
            .ok_or_else(|| io::Error::other(format!("not a status line: {status:?}")))?;
        let mut headers = Vec::new();
        loop {
            let line = line(&mut stream)?;
            if line.is_empty() {
                break;
            }
            let (name, value) =
                line.split_once(':').ok_or_else(|| io::Error::other(format!("not a header: {line:?}")))?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let headers = Headers(headers);
        let length = headers.get("content-length").and_then(|value| value.parse().ok());
        let chunked =
            headers.get("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked"));
        let framing = match length {
            _ if bodiless || status == 204 || status == 304 => Framing::Length(0),
            _ if chunked => Framing::ChunkSize { first: true },
            Some(length) => Framing::Length(length),
            None => Framing::UntilClosed,
        };
        Ok(Self { status, headers, stream, framing })
    }

    /// The connection, where the answer was to speak another protocol on it.
    pub fn switched(self) -> BufReader<TcpStream> {
        assert_eq!(self.status, 101, "{self:?}");
        self.stream
    }

    /// What the framing is after the next chunk's size was read.
    fn next_chunk(&mut self, first: bool) -> io::Result<Framing> {
        if !first && !line(&mut self.stream)?.is_empty() {
            return Err(io::Error::other("a chunk is longer than it says"));
        }
        let size = line(&mut self.stream)?;
        let size = u64::from_str_radix(size.split(';').next().unwrap_or_default().trim(), 16)
            .map_err(|_| io::Error::other(format!("not the size of a chunk: {size:?}")))?;
        if size > 0 {
            return Ok(Framing::Chunk(size));
        }
        // Trailers, and the empty line after them.
        while !line(&mut self.stream)?.is_empty() {}
        Ok(Framing::Length(0))
    }
}

impl Read for Incoming {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            self.framing = match self.framing {
                Framing::UntilClosed => return self.stream.read(buffer),
                Framing::Length(0) => return Ok(0),
                Framing::Length(left) => {
                    let read = some(&mut self.stream, buffer, left)?;
                    self.framing = Framing::Length(left - read as u64);
                    return Ok(read);
                }
                Framing::Chunk(0) => Framing::ChunkSize { first: false },
                Framing::Chunk(left) => {
                    let read = some(&mut self.stream, buffer, left)?;
                    self.framing = Framing::Chunk(left - read as u64);
                    return Ok(read);
                }
                Framing::ChunkSize { first } => self.next_chunk(first)?,
            };
        }
    }
}

/// At most `most` bytes; none is an end that came too early.
fn some(stream: &mut impl Read, buffer: &mut [u8], most: u64) -> io::Result<usize> {
    let most = usize::try_from(most).unwrap_or(usize::MAX).min(buffer.len());
    match stream.read(&mut buffer[..most])? {
        0 if most > 0 => Err(io::ErrorKind::UnexpectedEof.into()),
        read => Ok(read),
    }
}

fn line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    stream.read_until(b'\n', &mut line)?;
    match line.strip_suffix(b"\r\n") {
        Some(line) => Ok(String::from_utf8_lossy(line).into_owned()),
        None => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the connection ended within a line")),
    }
}

/// The headers of an answer, in their order; names in lower case.
#[derive(Clone, Debug)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// The value of a header that stands once; none if it is absent.
    pub fn get(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() <= 1, "{name} stands {} times: {all:?}", all.len());
        all.first().copied()
    }

    /// Every value of a header.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.0.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
    }
}

/// An answer, whole.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: Headers,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// The value of a header that stands once; none if it is absent.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("not JSON ({error}): {self:?}"))
    }

    /// The `payment-response` header, read.
    pub fn receipt(&self) -> PaymentResponse {
        let header = self.header(PAYMENT_RESPONSE).unwrap_or_else(|| panic!("no payment-response: {self:?}"));
        decode(header).unwrap_or_else(|error| panic!("payment-response is {error}: {self:?}"))
    }

    /// The `payment-required` header, read.
    pub fn required(&self) -> PaymentRequired {
        let header = self.header(PAYMENT_REQUIRED).unwrap_or_else(|| panic!("no payment-required: {self:?}"));
        decode(header).unwrap_or_else(|error| panic!("payment-required is {error}: {self:?}"))
    }

    /// The body of a refused payment.
    pub fn failure(&self) -> PaymentResponse {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("not a failed payment ({error}): {self:?}"))
    }
}
