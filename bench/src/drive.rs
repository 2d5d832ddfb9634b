//! Given requests, each once, over connections that stay open: what wrk cannot do, since no card pays first twice.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::report::Sample;
use crate::{Outcome, cpu};

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A GET with a payment, as bytes.
pub(crate) fn paid(address: SocketAddr, path: &str, payment: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: {address}\r\npayment: {payment}\r\n\r\n").into_bytes()
}

/// A GET, as bytes.
pub(crate) fn free(address: SocketAddr, path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n").into_bytes()
}

/// Sends the requests, until all are answered or the time is over; every answer has this status. Gives how many there
/// were beside the figures.
pub(crate) fn run(
    (address, group): (SocketAddr, u32),
    connections: u32,
    requests: &[Vec<u8>],
    time: Duration,
    status: u16,
) -> Outcome<(usize, Sample)> {
    let next = AtomicUsize::new(0);
    let before = cpu::of_group(group)?;
    let began = Instant::now();
    let taken = std::thread::scope(|scope| -> Result<Vec<Duration>, String> {
        let each = || one_connection(address, requests, &next, began + time, status);
        let threads: Vec<_> = (0..connections).map(|_| scope.spawn(each)).collect();
        let mut taken = Vec::new();
        for thread in threads {
            taken.extend(thread.join().map_err(|_| "a connection's thread has panicked")??);
        }
        Ok(taken)
    });
    let elapsed = began.elapsed();
    let used = cpu::of_group(group)?.saturating_sub(before);
    let mut taken = taken?;
    taken.sort_unstable();
    let number = taken.len();
    let at = |part: f64| {
        let index = ((number as f64 * part) as usize).min(number.saturating_sub(1));
        taken.get(index).map_or(0.0, |taken| taken.as_secs_f64() * 1e6)
    };
    let sample = Sample {
        rate: number as f64 / elapsed.as_secs_f64(),
        p50: at(0.5),
        p99: at(0.99),
        cpu: used.as_secs_f64() * 1e6 / number.max(1) as f64,
    };
    Ok((number, sample))
}

fn one_connection(
    address: SocketAddr,
    requests: &[Vec<u8>],
    next: &AtomicUsize,
    until: Instant,
    status: u16,
) -> Result<Vec<Duration>, String> {
    let work = || -> Outcome<Vec<Duration>> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut reader = BufReader::new(&stream);
        let mut taken = Vec::new();
        while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
            let began = Instant::now();
            if began >= until {
                break;
            }
            (&stream).write_all(request)?;
            let said = answer(&mut reader)?;
            if said != status {
                return Err(format!("an answer has status {said} instead of {status}").into());
            }
            taken.push(began.elapsed());
        }
        Ok(taken)
    };
    work().map_err(|error| error.to_string())
}

/// Reads one answer to its end, and gives its status.
fn answer(reader: &mut impl BufRead) -> Outcome<u16> {
    let status = line(reader)?;
    let status = status.split(' ').nth(1).and_then(|word| word.parse().ok());
    let (mut length, mut chunked) = (0, false);
    loop {
        let header = line(reader)?.to_ascii_lowercase();
        match header.split_once(':') {
            None => break,
            Some(("content-length", value)) => length = value.trim().parse()?,
            Some(("transfer-encoding", value)) => chunked = value.trim() == "chunked",
            Some(_) => {}
        }
    }
    if !chunked {
        skip(reader, length)?;
    }
    while chunked {
        let size = u64::from_str_radix(&line(reader)?, 16)?;
        skip(reader, size)?;
        line(reader)?;
        chunked = size > 0;
    }
    status.ok_or_else(|| "not an answer of HTTP".into())
}

fn line(reader: &mut impl BufRead) -> Outcome<String> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let end = line.strip_suffix("\r\n").ok_or("the connection ended within an answer")?;
    Ok(end.to_owned())
}

fn skip(reader: &mut impl Read, length: u64) -> Outcome<()> {
    let skipped = std::io::copy(&mut reader.take(length), &mut std::io::sink())?;
    if skipped == length { Ok(()) } else { Err("the connection ended within a body".into()) }
}

#[cfg(test)]
mod tests {
    use super::answer;

    #[test]
    fn answers_are_read_to_their_end_and_no_further() {
        let mut wire: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc\
            HTTP/1.1 402 Payment Required\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n\
            HTTP/1.1 204 No Content\r\n\r\n";
        for status in [200, 402, 204] {
            assert_eq!(answer(&mut wire).ok(), Some(status));
        }
        assert!(wire.is_empty());
        assert!(answer(&mut wire).is_err());
        assert!(answer(&mut b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort".as_slice()).is_err());
    }
}
