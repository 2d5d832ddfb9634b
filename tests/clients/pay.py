"""402 → pay by card → pay by credits, with nothing but the standard library. Usage: python3 pay.py URL"""

import base64
import http.client
import json
import sys
from urllib.parse import urlsplit


def ask(payment=None):
    connection = http.client.HTTPConnection(urlsplit(sys.argv[1]).netloc, timeout=30)
    headers = {}
    if payment:
        message = json.dumps({"stripe402Version": 1, **payment})
        headers["payment"] = base64.b64encode(message.encode()).decode()
    connection.request("GET", "/api/joke", headers=headers)
    answer = connection.getresponse()
    json.loads(answer.read())
    return answer


def decode(header):
    return json.loads(base64.b64decode(header))


unpaid = ask()
required = decode(unpaid.getheader("payment-required"))
print(unpaid.status, "amount", required["accepts"][0]["amount"])

payment = {"paymentMethodId": "pm_card_visa"}
for _ in range(2):
    paid = ask(payment)
    receipt = decode(paid.getheader("payment-response"))
    print(paid.status, "credits", receipt["creditsRemaining"], *(["charged"] if "chargeId" in receipt else []))
    payment = {"clientId": receipt["clientId"]}
