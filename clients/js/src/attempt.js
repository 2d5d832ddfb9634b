// What is done after a payment: it may go wrong, and never takes the answer away that was paid for.

/**
 * Does something. What it throws goes to `onError`, or to the console, and ends there. `failed` is the sentence for
 * that. The console is not shown the cause: what a store throws may hold what was to be stored.
 */
export async function attempt(work, failed, about, onError) {
  try {
    await work();
  } catch (cause) {
    const kind = cause instanceof Error ? cause.name : typeof cause;
    const error = new Error(`${failed} (${kind})`, { cause });
    try {
      if (!onError) console.warn(`stripe402: ${new URL(about.url).origin}: ${error.message}`);
      else Promise.resolve(onError(error, about)).catch(() => {});
    } catch {
      // Whoever is told of errors has one: there is nobody left to tell.
    }
  }
}
