// The yardstick for a free request: as little as a Worker in front of an origin can do.
// An incoming request's redirects are passed on as they are, and its body streams.
export default {
  fetch(request, env) {
    const { url } = request;
    return fetch(env.ORIGIN_URL + url.slice(url.indexOf("/", 8)), request);
  },
};
