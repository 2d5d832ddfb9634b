#!/bin/sh
# 402 → pay by card → pay by credits, with curl and base64. Usage: sh pay.sh URL
set -eu
url=$1/api/joke
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The status of a request, with its headers in the file `head`. The argument: the payment, as JSON.
ask() {
  payment=$(printf '%s' "$1" | base64 | tr -d '\n')
  curl -sS -m 30 -o "$scratch/body" -D "$scratch/head" -w '%{http_code}' ${payment:+-H "payment: $payment"} "$url"
}

# A header of the answer, decoded.
header() { sed -n "s/^$1: //p" "$scratch/head" | tr -d '\r' | base64 --decode; }

# A number or text of a JSON object.
field() { sed -n "s/.*\"$1\":\"\{0,1\}\([0-9A-Za-z_]*\).*/\1/p"; }

status=$(ask '')
echo "$status amount $(header payment-required | field amount)"

payment='{"stripe402Version":1,"paymentMethodId":"pm_card_visa"}'
for _ in 1 2; do
  status=$(ask "$payment")
  header payment-response >"$scratch/receipt"
  charged=$(field chargeId <"$scratch/receipt")
  echo "$status credits $(field creditsRemaining <"$scratch/receipt")${charged:+ charged}"
  payment="{\"stripe402Version\":1,\"clientId\":\"$(field clientId <"$scratch/receipt")\"}"
done
