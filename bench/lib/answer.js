// Checks a server's answer against the one TensorFlow gave in Python. A wrong server may be as fast as it likes.
import fs from 'node:fs';
import path from 'node:path';

// Kernels differ between processors and thread counts in the last bits of float32.
const relativeTolerance = 1e-3;
const absoluteTolerance = 1e-7;

/**
 * @param {unknown} got
 * @param {unknown} expected
 * @param {string} where
 */
function compare(got, expected, where) {
  if (Array.isArray(expected)) {
    if (!Array.isArray(got) || got.length !== expected.length) throw new Error(`the answer has another shape at ${where}`);
    expected.forEach((value, i) => {
      compare(got[i], value, `${where}[${i}]`);
    });
    return;
  }
  if (typeof got !== 'number' || typeof expected !== 'number') throw new Error(`the answer has no number at ${where}`);
  if (!(Math.abs(got - expected) <= absoluteTolerance + relativeTolerance * Math.abs(expected))) {
    throw new Error(`the answer is ${got} instead of ${expected} at ${where}`);
  }
}

/**
 * Sends one payload and throws unless the answer is the expected one.
 * @param {string} url
 * @param {string} folder
 * @param {string} payload
 */
export async function checkAnswer(url, folder, payload) {
  const body = fs.readFileSync(path.join(folder, `${payload}.json`));
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  const text = await response.text();
  if (!response.ok) throw new Error(`status ${response.status}: ${text.slice(0, 500)}`);
  const expected = JSON.parse(fs.readFileSync(path.join(folder, `${payload}.expected.json`), 'utf8'));
  compare(JSON.parse(text).predictions, expected.predictions, 'predictions');
}
