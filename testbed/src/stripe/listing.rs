//! Lists as Stripe pages them: newest first, 10 at a time unless asked for up to 100, from an object on.

use serde_json::{Value, json};

use super::errors::ApiError;
use super::params::Params;
use super::world::{Context, Place, Record, missing};
use crate::shelf::Shelf;

/// What part of a list is wanted.
#[derive(Debug)]
pub(crate) struct Page<'a> {
    params: &'a Params,
    livemode: bool,
    url: String,
}

impl<'a> Page<'a> {
    pub(crate) fn read(context: &Context, params: &'a Params, url: impl Into<String>) -> Self {
        Self { params, livemode: context.livemode, url: url.into() }
    }

    fn limit(&self) -> Result<usize, ApiError> {
        let refuse =
            |message: &str| Err(ApiError::invalid(message).code("parameter_invalid_integer").param("limit"));
        match self.params.integer("limit").unwrap_or(10) {
            ..=0 => refuse("This value must be greater than or equal to 1."),
            101.. => refuse("This value must be less than or equal to 100."),
            limit => Ok(usize::try_from(limit).unwrap_or(100)),
        }
    }

    fn created(&self, at: i64) -> bool {
        let Some(range) = self.params.hash("created") else {
            return self.params.integer("created").is_none_or(|exact| at == exact);
        };
        let holds = |name: &str, test: fn(&i64, &i64) -> bool| {
            range.integer(name).is_none_or(|bound| test(&at, &bound))
        };
        holds("gt", i64::gt) && holds("gte", i64::ge) && holds("lt", i64::lt) && holds("lte", i64::le)
    }
}

/// One page of the objects that fit.
pub(crate) fn page<T: Record>(
    shelf: &Shelf<T>,
    page: &Page<'_>,
    fits: impl Fn(&T) -> bool,
) -> Result<Value, ApiError> {
    let limit = page.limit()?;
    let all: Vec<&T> = shelf
        .iter()
        .rev()
        .filter(|item| item.livemode() == page.livemode && page.created(item.created()) && fits(item))
        .collect();
    let place = |name: &'static str| -> Result<Option<usize>, ApiError> {
        let Some(id) = page.params.text(name) else { return Ok(None) };
        let found = all.iter().position(|item| item.id() == id);
        found.map(Some).ok_or_else(|| missing::<T>(id, Place::Param(name), None))
    };
    let (chosen, has_more) = match (place("starting_after")?, place("ending_before")?) {
        (Some(_), Some(_)) => {
            return Err(ApiError::invalid(
                "You may only specify one of these parameters: ending_before, starting_after.",
            ));
        }
        (None, Some(end)) => {
            let start = end.saturating_sub(limit);
            (&all[start..end], start > 0)
        }
        (after, None) => {
            let rest = &all[after.map_or(0, |place| place + 1)..];
            (&rest[..limit.min(rest.len())], rest.len() > limit)
        }
    };
    let data: Vec<Value> = chosen.iter().map(|item| item.json()).collect();
    Ok(json!({"object": "list", "data": data, "has_more": has_more, "url": page.url}))
}
