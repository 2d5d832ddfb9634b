//! What has a price in a configuration of wrangler's.

use std::path::Path;

use crate::corpus::Priced;

/// The routes with a price: those of `ROUTES` and of every variable whose name starts with `ROUTES_`.
pub fn from_wrangler(file: &Path, env: Option<&str>) -> Result<Vec<Priced>, String> {
    let name = file.display();
    let text = std::fs::read_to_string(file)
        .map_err(|error| format!("{name}: {error}; name the paths with PATHS"))?;
    let table: toml::Table = text.parse().map_err(|error| format!("{name}: {error}"))?;
    let scope = match env {
        Some(env) => {
            table.get("env").and_then(|all| all.get(env)).ok_or(format!("{name}: there is no [env.{env}]"))?
        }
        None => &toml::Value::Table(table),
    };
    let vars =
        scope.get("vars").and_then(toml::Value::as_table).ok_or(format!("{name}: there are no [vars]"))?;
    let mut priced = Vec::new();
    for (_, routes) in vars.iter().filter(|(name, _)| *name == "ROUTES" || name.starts_with("ROUTES_")) {
        let parsed = routes.as_str().map(serde_json::from_str::<toml::Table>);
        let routes = match (routes, parsed) {
            (toml::Value::Table(routes), _) => routes.clone(),
            (_, Some(Ok(routes))) => routes,
            _ => return Err(format!("{name}: the routes cannot be read; name the paths with PATHS")),
        };
        for (key, route) in routes {
            let amount = route.get("amount");
            let free =
                amount.is_some_and(|amount| amount.as_integer() == Some(0) || amount.as_str() == Some("0"));
            if !free {
                priced.push(Priced::parse(&key)?);
            }
        }
    }
    Ok(priced)
}
