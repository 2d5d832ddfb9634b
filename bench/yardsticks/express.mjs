// The yardstick for a challenge: the middleware of a paywall on Express, as the reference implementation of the protocol
// has it: the route is looked up, the challenge is built, encoded into its header and sent as the body, per request.
// Express is spared what it need not do: no ETag, no `x-powered-by`, no second JSON text for header and body.
import express from "express";

const publishableKey = "pk_test_51Example";
const routes = { "GET /api/joke": { amount: 100, description: "Random joke" } };

const app = express();
app.disable("etag");
app.disable("x-powered-by");

app.use((request, response, next) => {
  const route = routes[`${request.method} ${request.path}`];
  if (route === undefined) return next();
  const required = {
    stripe402Version: 1,
    resource: { url: request.path },
    accepts: [
      {
        scheme: "stripe",
        currency: route.currency ?? "usd",
        amount: route.amount,
        minTopUp: route.minTopUp ?? 50_000,
        publishableKey,
        description: route.description,
      },
    ],
  };
  const body = JSON.stringify(required);
  response
    .status(402)
    .set("payment-required", Buffer.from(body).toString("base64"))
    .set("cache-control", "no-store")
    .type("application/json")
    .send(body);
});

app.get("/api/joke", (_request, response) => response.json({ joke: "It was free." }));

const server = app.listen(Number(process.env.PORT), "127.0.0.1", () => console.log("ready"));
server.on("error", (error) => {
  console.error(error.message);
  process.exit(1);
});
