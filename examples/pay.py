"""Pays for a request with plain requests. Usage: python3 pay.py URL, here with a test card of Stripe's."""
import base64, json, sys, time
import requests

MAX_PRICE, MAX_TOP_UP = 200, 50_000  # units: 100 are a cent

def send(url, payment):
    message = base64.b64encode(json.dumps({"stripe402Version": 1, **payment}).encode()).decode()
    for _ in range(5):  # 503: nobody knows yet whether the card was charged; the same payment is sent again
        answer = requests.get(url, headers={"payment": message}, timeout=60, allow_redirects=False)
        if answer.status_code != 503 or "payment-response" in answer.headers:
            break
        time.sleep(min(int(answer.headers.get("retry-after", 2)), 30))
    return answer

def get(url, client_id=None):
    answer = requests.get(url, timeout=60, allow_redirects=False)
    if answer.status_code == 402:
        price = json.loads(base64.b64decode(answer.headers["payment-required"]))["accepts"][0]
        if price["currency"] != "usd" or price["amount"] > MAX_PRICE or price["minTopUp"] > MAX_TOP_UP:
            sys.exit(f"too dear: {price}")
        answer = send(url, {"clientId": client_id}) if client_id else answer
        if answer.status_code == 402:  # no credits, or not enough
            answer = send(url, {"paymentMethodId": "pm_card_visa", "topUpAmount": price["minTopUp"]})
    receipt = json.loads(base64.b64decode(answer.headers.get("payment-response", "e30=")))
    return answer, receipt.get("clientId", client_id)

first, client = get(sys.argv[1])
print(first.status_code, first.text, get(sys.argv[1], client)[0].text, sep="\n")
