//! Which route a request is on.
//!
//! Kept true here: among the routes whose path and method fit, the most specific path wins, segment by segment
//! (literal over `:name` over `/*`), then an exact method over `*`; a more specific path with another method hides
//! nothing. The matcher is ours since no router crate resolves method and specificity so; a property test holds it
//! to a brute-force oracle.

use stripe402_core::config::path::segments;
use stripe402_core::config::{Price, Route, RouteMethod, Segment};
use stripe402_core::protocol::{Currency, Units};

use super::readings::{insert, loose};

/// The routes of one configuration, ready to be matched.
#[derive(Debug, Clone, Default)]
pub struct RouteTable {
    routes: Vec<Route>,
    root: Node,
}

#[derive(Debug, Clone, Default)]
struct Node {
    /// Sorted by the literal.
    literals: Vec<(String, Node)>,
    param: Option<Box<Node>>,
    ends: Vec<usize>,
    rests: Vec<usize>,
}

/// What a path and a method are on.
#[derive(Debug, Clone, PartialEq)]
pub enum Found<'t> {
    /// A route: its price holds.
    Route(&'t Route),
    /// A path that is priced for other methods, and this method is named by no route.
    OtherMethods {
        /// The methods that routes name, sorted, for `Allow`.
        allow: Vec<&'t str>,
    },
    /// Nothing.
    Nothing,
}

impl RouteTable {
    /// Takes checked routes: no two of one shape and method.
    pub fn new(routes: Vec<Route>) -> Self {
        Self::spelled(routes, str::to_owned)
    }

    /// The same routes as careless origins compare them (`readings`): one literal may then be many segments.
    pub fn loose(&self) -> Self {
        Self::spelled(self.routes.clone(), loose)
    }

    fn spelled(routes: Vec<Route>, spell: fn(&str) -> String) -> Self {
        let mut root = Node::default();
        for (index, route) in routes.iter().enumerate() {
            let mut node = &mut root;
            let mut rest = false;
            for segment in route.pattern.segments() {
                match segment {
                    Segment::Literal(text) => {
                        for part in spell(text).split('/') {
                            node = node.literal(part);
                        }
                    }
                    Segment::Param(_) => node = node.param.get_or_insert_default(),
                    Segment::Rest => rest = true,
                }
            }
            let list = if rest { &mut node.rests } else { &mut node.ends };
            list.push(index);
        }
        Self { routes, root }
    }

    /// Whether careless origins compare these routes with something else than what is written here.
    pub fn is_escaped(&self) -> bool {
        let literals = self.routes.iter().flat_map(|route| route.pattern.segments());
        literals.into_iter().any(|segment| matches!(segment, Segment::Literal(text) if loose(text) != *text))
    }

    /// The routes, as they were given.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// Finds the route of a folded path and a method.
    pub fn find(&self, method: &str, folded: &str) -> Found<'_> {
        let groups = self.fitting(folded);
        let routes =
            |group: &'_ [usize]| group.iter().filter_map(|index| self.routes.get(*index)).collect::<Vec<_>>();
        for group in &groups {
            let group = routes(group);
            let exact = group
                .iter()
                .find(|route| matches!(&route.method, RouteMethod::Exact(name) if fits(name, method)));
            let any = || group.iter().find(|route| route.method == RouteMethod::Any && method != "OPTIONS");
            if let Some(route) = exact.or_else(any) {
                return Found::Route(route);
            }
        }
        let all: Vec<&Route> = groups.iter().flat_map(|group| routes(group)).collect();
        if !all.iter().any(|route| is_priced(route)) {
            return Found::Nothing;
        }
        let mut allow = Vec::new();
        for route in all {
            if let RouteMethod::Exact(name) = &route.method {
                insert(&mut allow, name.as_str());
                if name == "GET" {
                    insert(&mut allow, "HEAD");
                }
            }
        }
        Found::OtherMethods { allow }
    }

    /// Whether any route on this path is priced, whatever its method: what a preflight asks about.
    pub fn is_priced_path(&self, folded: &str) -> bool {
        self.prices(folded).next().is_some()
    }

    /// The prices of all routes on this path, whatever their method.
    pub fn prices(&self, folded: &str) -> impl Iterator<Item = (Units, Currency)> {
        let routes = self.fitting(folded).into_iter().flatten().filter_map(|index| self.routes.get(*index));
        routes.filter_map(|route| match route.price {
            Price::Paid { amount, currency, .. } => Some((amount, currency)),
            Price::Free => None,
        })
    }

    /// The routes whose path fits, in groups of one shape, most specific first.
    fn fitting(&self, folded: &str) -> Vec<&[usize]> {
        let path: Vec<&str> = segments(folded).collect();
        let mut groups = Vec::new();
        self.root.collect(&path, &mut groups);
        groups
    }
}

impl Node {
    /// Where a literal stands, or would.
    fn place(&self, literal: &str) -> Result<usize, usize> {
        self.literals.binary_search_by(|(text, _)| text.as_str().cmp(literal))
    }

    /// The node behind a literal, made if it is not there.
    #[expect(clippy::indexing_slicing, reason = "the place of a literal that is there")]
    fn literal(&mut self, text: &str) -> &mut Node {
        let place = self.place(text).unwrap_or_else(|place| {
            self.literals.insert(place, (text.to_owned(), Node::default()));
            place
        });
        &mut self.literals[place].1
    }

    /// Literals before names before the rest, from the first segment on: the order of specificity.
    fn collect<'n>(&'n self, path: &[&str], groups: &mut Vec<&'n [usize]>) {
        match path.split_first() {
            None if self.ends.is_empty() => {}
            None => groups.push(&self.ends),
            Some((segment, below)) => {
                if let Some((_, node)) = self.place(segment).ok().and_then(|place| self.literals.get(place)) {
                    node.collect(below, groups);
                }
                if let Some(node) = &self.param
                    && !segment.is_empty()
                {
                    node.collect(below, groups);
                }
            }
        }
        if !self.rests.is_empty() {
            groups.push(&self.rests);
        }
    }
}

fn is_priced(route: &Route) -> bool {
    matches!(route.price, Price::Paid { .. })
}

/// Whether a method that a route names is the request's: HEAD counts as GET.
fn fits(named: &str, method: &str) -> bool {
    named == method || (named == "GET" && method == "HEAD")
}
