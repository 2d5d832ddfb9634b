//! The testbed's origin, as a witness: every request that reached it is in its log.

use std::net::SocketAddr;

use serde_json::Value;
use stripe402_testbed::Testbed;

use crate::Request;
use crate::visitor::NAME;

/// The origin's own records.
#[derive(Clone, Copy, Debug)]
pub struct Origin(SocketAddr);

/// A request that reached the origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// The method.
    pub method: String,
    /// Path and query, as they came.
    pub target: String,
    /// The headers, as they came.
    pub headers: Vec<(String, String)>,
    /// The status that it was given; none while it runs.
    pub status: Option<u16>,
    /// Whether it was given content that is sold.
    pub served: bool,
    /// What it was given, by its name; none for an error or a path of nothing.
    pub content: Option<String>,
}

impl Arrived {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Origin {
    /// The origin of a testbed that a test has started itself.
    pub fn of(testbed: &Testbed) -> Self {
        Self::at(&testbed.origin_url())
    }

    pub(crate) fn at(url: &str) -> Self {
        Self(crate::stripe::address(url))
    }

    /// Its address, as the paywall's configuration names it.
    pub fn url(&self) -> String {
        format!("http://{}", self.0)
    }

    /// Everything that reached it, in order.
    pub fn arrived(&self) -> Vec<Arrived> {
        let log = Request::get("/_origin/requests").send(self.0).expect("the origin answers").json();
        log.as_array().expect("a list").iter().map(read).collect()
    }

    /// What of it a visitor sent.
    pub fn arrived_from(&self, visitor: &str) -> Vec<Arrived> {
        self.arrived().into_iter().filter(|one| one.header(NAME) == Some(visitor)).collect()
    }
}

fn read(entry: &Value) -> Arrived {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let headers = entry["headers"].as_array().expect("headers");
    Arrived {
        method: text(&entry["method"]),
        target: text(&entry["path"]),
        headers: headers.iter().map(|header| (text(&header[0]), text(&header[1]))).collect(),
        status: entry["status"].as_u64().and_then(|status| u16::try_from(status).ok()),
        served: entry["served"] == true,
        content: entry["content"].as_str().map(ToOwned::to_owned),
    }
}
