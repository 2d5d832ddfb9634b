// Where client ids and sums are kept: anything with get(key) and set(key, value), as a Map has.

/** A store over `localStorage` or `sessionStorage`. Scripts of the same origin can read it, and spend the credits. */
export function webStorage(storage) {
  return {
    get: (key) => storage.getItem(key) ?? undefined,
    set: (key, value) => storage.setItem(key, value),
  };
}
