// Redirects of answers that were paid for. They are not left to what sends requests: it would send the payment along.

const REDIRECTS = [301, 302, 303, 307, 308];
const SECRET_HEADERS = ["authorization", "cookie", "host", "proxy-authorization"];
const BODY_HEADERS = ["content-encoding", "content-language", "content-length", "content-location", "content-type"];

/** Where an answer leads, and what may go there: the rules of the Fetch standard, §4.4. None, if it is no redirect. */
export function redirection({ status, location, url, method }) {
  if (!REDIRECTS.includes(status) || !location || !URL.canParse(location, url)) return undefined;
  const to = new URL(location, url);
  if (to.protocol !== "https:" && to.protocol !== "http:") return undefined;
  const toGet = status === 303 ? method !== "GET" && method !== "HEAD" : status < 303 && method === "POST";
  const foreign = to.origin !== new URL(url).origin;
  return {
    url: to,
    method: toGet ? "GET" : method,
    keepsBody: !toGet,
    removed: [...(foreign ? SECRET_HEADERS : []), ...(toGet ? BODY_HEADERS : [])],
  };
}
