// Checks the advisory data that Airlock ships: its form, and what a schema cannot say. node tools/advisories/check.js; exit code 1 names each
// mistake. Run by a test, and by whoever changes the data.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';

const data = path.resolve(import.meta.dirname, '../../data');
const read = (name) => JSON.parse(readFileSync(path.join(data, name), 'utf8'));

function versionKey(version) {
  const [release, candidate] = version.split('rc');
  const [major = 0, minor = 0, patch = 0] = release.split('.').map(Number);
  return [major, minor, patch, candidate === undefined ? 1e6 : Number(candidate)];
}

function isBefore(a, b) {
  const [left, right] = [versionKey(a), versionKey(b)];
  const index = left.findIndex((part, at) => part !== right[at]);
  return index !== -1 && left[index] < right[index];
}

export function checkAdvisories(name, document, { schema, ops }) {
  const validate = new Ajv2020({ allErrors: true }).compile(schema);
  if (!validate(document)) return validate.errors.slice(0, 20).map((error) => `${name}${error.instancePath}: ${error.message}`);
  const mistakes = [];
  const seen = new Set();
  for (const { id, cve, affected, asPublished = [], ops: named = [], opsConfidence } of document.advisories) {
    for (const key of [id, cve]) {
      if (key === undefined) continue;
      if (seen.has(key)) mistakes.push(`${name}: ${key} is there twice`);
      seen.add(key);
    }
    for (const { introduced, fixed, lastAffected } of [...affected, ...asPublished]) {
      if (fixed !== undefined && !isBefore(introduced, fixed)) mistakes.push(`${name}: ${id}: ${introduced} is not before ${fixed}`);
      if (lastAffected !== undefined && isBefore(lastAffected, introduced)) mistakes.push(`${name}: ${id}: a range ends before it begins`);
    }
    for (const op of named) if (!(op in ops)) mistakes.push(`${name}: ${id}: no operation is called ${op}`);
    if ((named.length > 0) !== (opsConfidence !== undefined)) mistakes.push(`${name}: ${id}: ops and opsConfidence go together`);
  }
  return mistakes;
}

/** Updates of libraries inside the wheel: which release of TensorFlow brought the fix. */
function checkLibraries(name, { format, read: day, libraries }) {
  const mistakes = [];
  if (format !== 1 || !/^\d{4}-\d{2}-\d{2}$/.test(day)) mistakes.push(`${name}: format or day is wrong`);
  for (const { library, cves, fixedIn, ...rest } of libraries) {
    if (cves.length === 0 || !cves.every((cve) => /^CVE-\d{4}-\d{4,7}$/.test(cve))) mistakes.push(`${name}: ${library}: cves`);
    if (fixedIn.length === 0 || !fixedIn.every((one) => /^\d+\.\d+\.\d+$/.test(one))) mistakes.push(`${name}: ${library}: fixedIn`);
    for (const key of Object.keys(rest)) if (key !== 'updatedTo') mistakes.push(`${name}: ${library}: ${key} is not known`);
  }
  return mistakes;
}

export function checkAll() {
  const rules = { schema: read('advisories.schema.json'), ops: read('tensorflow-ops.json').ops };
  const libraries = 'tensorflow-bundled-libraries.json';
  return [
    ...['tensorflow-advisories.json', 'keras-advisories.json'].flatMap((name) => checkAdvisories(name, read(name), rules)),
    ...checkLibraries(libraries, read(libraries)),
  ];
}

if (process.argv[1] === import.meta.filename) {
  const mistakes = checkAll();
  for (const mistake of mistakes) process.stderr.write(`${mistake}\n`);
  process.stdout.write(mistakes.length === 0 ? 'the advisory data is sound\n' : `${mistakes.length} mistakes\n`);
  process.exitCode = mistakes.length === 0 ? 0 : 1;
}
