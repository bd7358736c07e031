// JSON from files and programs where what is no JSON is judged like what has the wrong form: a schema says so in both cases.

/** The value of a JSON text; undefined, which JSON does not have, for any other text. Never throws. */
export function jsonOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
