// What the runtime itself can do with a challenge: a Worker that answers 402 with the same header and body to whatever it
// is asked, and computes nothing.
const body =
  '{"stripe402Version":1,"resource":{"url":"/api/joke"},"accepts":[{"scheme":"stripe","currency":"usd","amount":100,' +
  '"minTopUp":50000,"publishableKey":"pk_test_51Example","description":"Random joke"}]}';
const headers = { "cache-control": "no-store", "content-type": "application/json", "payment-required": btoa(body) };

export default { fetch: () => new Response(body, { status: 402, headers }) };
