// 402 → pay by card → pay by credits, with nothing but fetch. Usage: node pay.mjs URL
const url = new URL("/api/joke", process.argv[2]);
const encode = (message) => Buffer.from(JSON.stringify(message)).toString("base64");
const decode = (header) => JSON.parse(Buffer.from(header, "base64").toString("utf8"));

async function ask(payment) {
  const headers = payment ? { payment: encode({ stripe402Version: 1, ...payment }) } : {};
  const answer = await fetch(url, { headers });
  await answer.json();
  return answer;
}

const unpaid = await ask();
const required = decode(unpaid.headers.get("payment-required"));
console.log(`${unpaid.status} amount ${required.accepts[0].amount}`);

let payment = { paymentMethodId: "pm_card_visa" };
for (let nth = 0; nth < 2; nth += 1) {
  const paid = await ask(payment);
  const receipt = decode(paid.headers.get("payment-response"));
  console.log(`${paid.status} credits ${receipt.creditsRemaining}${receipt.chargeId ? " charged" : ""}`);
  payment = { clientId: receipt.clientId };
}
