//! What `…/health` says: which version runs and what is switched on. No values, no secrets.

use serde_json::{Value, json};
use stripe402_core::config::{Binding, Mode, OriginTarget, Settings};

/// The report of a configuration that is good.
pub fn report(settings: &Settings, version: &str) -> Value {
    let mut warnings = Vec::new();
    if settings.secrets.webhook_secret.is_none() {
        warnings.push("STRIPE_WEBHOOK_SECRET is not set: refunds and disputes at Stripe are not seen");
    }
    json!({
        "status": "ok",
        "version": version,
        "mode": match settings.mode { Mode::Test => "test", Mode::Live => "live" },
        "origin": match settings.origin {
            OriginTarget::Zone => "zone",
            OriginTarget::Url { .. } => "url",
            OriginTarget::Service => "service",
        },
        "routes": settings.routes.iter().filter(|route| route.price.is_paid()).count(),
        "rateLimit": settings.limits && settings.bindings.contains(&Binding::Limiter),
        "webhooks": settings.secrets.webhook_secret.is_some(),
        "originProof": settings.secrets.origin_secret.is_some(),
        "reports": settings.bindings.contains(&Binding::Reports),
        "metrics": settings.bindings.contains(&Binding::Metrics),
        "admin": settings.secrets.admin_token.is_some(),
        "paywall": settings.paywall.on,
        "warnings": warnings,
    })
}
