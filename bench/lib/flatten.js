// Nested lists to a flat typed array, as fast as plain JavaScript does it. Trusts the lists completely: it belongs to the baselines.

/**
 * @param {any} nested
 * @param {Float32Array | Float64Array} into
 * @param {number} at
 * @returns {number} the next free place
 */
export function flatten(nested, into, at) {
  let next = at;
  if (typeof nested[0] === 'number') {
    for (let i = 0; i < nested.length; i++) into[next++] = nested[i];
    return next;
  }
  for (let i = 0; i < nested.length; i++) next = flatten(nested[i], into, next);
  return next;
}
