// The yardstick for a free request: as little as a Worker in front of an origin can do. The body streams; the
// redirects of an incoming request are passed on as they are; the URL is cut, not parsed.
export default {
  fetch(request, env) {
    const { url } = request;
    return fetch(env.ORIGIN_URL + url.slice(url.indexOf("/", 8)), request);
  },
};
