// Decides what a scanner's findings about one artefact are worth. The same rule for every scanner; it never looks at how a finding was made.

/** @typedef {{ category?: string[], names: string[], value?: string[], least?: 'low' }} Expected */
/** @typedef {{ id: string, path: string, format: string, kind: 'attack' | 'benign', category?: string, trigger?: string, expect?: Expected[], fires?: unknown }} Entry */
/** @typedef {{ severity: string, text: string, category?: string, trigger?: string, rule?: string }} Found */
/** @typedef {{ findings: Found[], failed: boolean, ms: number }} Scanned */
/** @typedef {{ any: boolean, named: boolean, exact: boolean, trigger: boolean, failed: boolean, notable: Found[] }} Judged */

const notable = new Set(['medium', 'high', 'critical']);
/** Airlock's triggers that include another: what fires at every load fires at each. */
const loads = new Set(['load', 'load-cpp', 'load-python']);

/**
 * @param {Entry} entry
 * @param {Scanned} scanned
 * @param {ReadonlySet<string>} usual what this scanner says about a plain dense model as well
 * @returns {Judged}
 */
export function judge(entry, scanned, usual) {
  const found = scanned.findings.filter(({ severity }) => notable.has(severity));
  const expected = entry.expect ?? [];
  const enough = expected.some(({ least }) => least === 'low') ? scanned.findings.filter(({ severity }) => severity !== 'info') : found;
  const own = enough.filter(({ text }) => !usual.has(plain(text)));
  const naming = own.filter((finding) => expected.some(({ names }) => names.some((name) => namesIt(entry, finding, name))));
  const exact = naming.filter((finding) => expected.some((one) => isExact(entry, finding, one)));
  return {
    any: enough.length > 0,
    named: naming.length > 0,
    exact: exact.length > 0,
    trigger: exact.some(({ trigger }) => isTrigger(entry.trigger, trigger)),
    failed: scanned.failed,
    notable: found,
  };
}

/**
 * What a finding says whatever model it is about: no paths, no numbers that TensorFlow counts up, no instants.
 * @param {string} text
 */
export function plain(text) {
  return text.replace(/\/[\w./-]*\//g, '').replace(/\d+/g, '');
}

/**
 * The path of the artefact has its name in it and tells nothing.
 * @param {Entry} entry
 * @param {Found} finding
 * @param {string} name
 */
function namesIt({ id, path }, { text }, name) {
  return text.replaceAll(path, '').replaceAll(id, '').toLowerCase().includes(name.toLowerCase()) || (name === id && text.includes(id));
}

/**
 * @param {Entry} entry
 * @param {Found} finding
 * @param {Expected} expected
 */
function isExact(entry, finding, { category = [], names, value = [] }) {
  return (
    (finding.category === undefined || category.includes(finding.category)) &&
    names.some((name) => namesIt(entry, finding, name)) &&
    (value.length === 0 || value.some((one) => finding.text.toLowerCase().includes(one.toLowerCase())))
  );
}

/**
 * @param {string | undefined} expected
 * @param {string | undefined} given
 */
function isTrigger(expected, given) {
  return given === undefined || given === expected || (loads.has(expected ?? '') && loads.has(given));
}
