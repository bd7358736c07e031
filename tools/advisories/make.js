// Turns collected facts about TensorFlow's and Keras's vulnerabilities into the data files that Airlock judges by. Run by hand when the facts
// change: node tools/advisories/make.js FOLDER, where FOLDER holds tensorflow-advisories.json, keras-advisories.json and
// tensorflow-bundled-libraries.json as they were collected. It drops and renames fields and words the titles; what it does not
// understand ends it.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const folder = process.argv[2];
if (folder === undefined) {
  process.stderr.write('usage: node tools/advisories/make.js FOLDER\n');
  process.exit(2);
}
const root = path.resolve(import.meta.dirname, '../..');
const read = (name) => JSON.parse(readFileSync(path.join(folder, name), 'utf8'));

/** When the sources were read. */
const readOn = '2026-11-23';

/** Events in OSV's order become ranges: from `introduced`, up to and without `fixed`, or up to and with `lastAffected`. */
function ranges(events) {
  const found = [];
  for (const event of events) {
    // 2.7.0-rc0 is 2.7.0rc0.
    const [[kind, version]] = Object.entries(event).map(([key, value]) => [key, value.replace('-', '')]);
    if (kind === 'introduced') found.push({ introduced: version });
    else if (kind === 'fixed') found.at(-1).fixed = version;
    else if (kind === 'last_affected') found.at(-1).lastAffected = version;
    else throw new Error(`unknown event ${JSON.stringify(event)}`);
  }
  return found;
}

/** As the schema spells impacts, for titles. */
const impactWords = {
  oob_read: 'out-of-bounds read',
  oob_write: 'out-of-bounds write',
  heap_oob: 'heap access out of bounds',
  check_fail: 'failed assertion',
  null_deref: 'null pointer dereference',
  div_by_zero: 'division by zero',
  undefined_behavior: 'undefined behaviour',
  incorrect_result: 'wrong result',
  insecure_tempfile: 'temporary file that others can replace',
  ssrf: 'request to an address that the model chooses',
};

const partWords = {
  kernel: 'a kernel',
  tflite: 'TensorFlow Lite',
  xla: 'XLA',
  grappler: 'Grappler',
  python_api: "TensorFlow's Python functions",
  mlir_tfg: 'the MLIR form of graphs',
  cli_tool: 'a command line tool',
  tensorflow_serving: 'TensorFlow Serving',
  tflite_micro: 'TensorFlow Lite Micro',
  tflite_converter: 'the TensorFlow Lite converter',
  third_party_hdf5: 'the HDF5 library',
  keras: 'Keras',
  other: 'TensorFlow',
};

/** Our own words, from what is known: the worst thing that happens, and where. */
function titleOf(impact, names, part) {
  const words = impact.slice(0, 2).map((word) => impactWords[word] ?? word.replaceAll('_', ' '));
  const what = words.length === 0 ? 'unspecified fault' : words.join(' and ');
  const more = names.length > 2 ? ` and ${names.length - 2} more` : '';
  const where = names.length > 0 ? `${names.slice(0, 2).join(', ')}${more}` : part;
  return `${what[0].toUpperCase()}${what.slice(1)} in ${where}`;
}

/** Doubted by TensorFlow itself: no code that a model or a request reaches is meant for untrusted archives. */
const disputed = new Set(['CVE-2021-35958']);

const clean = (object) => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));

/** Nothing published and nothing known is the same. */
function isSame(published, corrected) {
  return JSON.stringify(published?.events ?? []) === JSON.stringify((corrected ?? published)?.events ?? []);
}

function tensorflow(advisory) {
  const published = advisory.published_events?.find((one) => one.package === 'tensorflow');
  return clean({
    id: advisory.id,
    cve: advisory.cve === advisory.id ? undefined : advisory.cve,
    severity: (advisory.severity ?? 'medium').toLowerCase(),
    published: advisory.published,
    title: titleOf(
      advisory.impact,
      [...(advisory.ops ?? []), ...(advisory.tflite_ops ?? [])],
      partWords[advisory.component] ?? advisory.component.replaceAll('_', ' '),
    ),
    disputed: disputed.has(advisory.cve) ? true : undefined,
    affected: ranges((advisory.affected ?? published ?? { events: [] }).events),
    // The first release of each branch whose notes list it; or only what the advisory itself says, which often is wrong.
    basis: advisory.affected?.basis ?? (published === undefined ? 'none' : 'published'),
    // What the databases say, where it is something else: scanners that believe them are wrong by the difference.
    asPublished: isSame(published, advisory.affected) ? undefined : ranges(published?.events ?? []),
    fixed: advisory.fixed_versions ?? [],
    ops: advisory.ops,
    // How sure it is that no other operation reaches it.
    opsConfidence: advisory.ops === undefined ? undefined : (advisory.op_confidence ?? 'low'),
    tfliteOps: advisory.tflite_ops,
    component: advisory.component,
    impact: advisory.impact,
    trigger: advisory.trigger,
    conditions: advisory.conditions,
  });
}

function keras(advisory) {
  return clean({
    id: advisory.id,
    cve: advisory.cve === advisory.id ? undefined : advisory.cve,
    severity: advisory.severity.toLowerCase(),
    published: advisory.published,
    title: titleOf(advisory.impact, advisory.model_features ?? [], 'Keras'),
    affected: ranges(advisory.affected.events),
    basis: advisory.affected.basis,
    fixed: advisory.fixed_versions ?? [],
    features: advisory.model_features,
    formats: advisory.file_formats,
    impact: advisory.impact,
    trigger: advisory.trigger,
  });
}

function write(name, advisories) {
  const lines = advisories.map((advisory) => `  ${JSON.stringify(advisory)}`);
  const head = `"format": 1,\n"read": "${readOn}",\n"sources": "PyPA and GitHub advisory databases (CC-BY-4.0), TensorFlow's advisories and release notes (Apache-2.0), NVD scores",`;
  writeFileSync(path.join(root, 'data', name), `{\n${head}\n"advisories": [\n${lines.join(',\n')}\n]\n}\n`);
  process.stdout.write(`${name}: ${advisories.length} advisories\n`);
}

write('tensorflow-advisories.json', read('tensorflow-advisories.json').map(tensorflow));
write('keras-advisories.json', read('keras-advisories.json').map(keras));

const { fixes } = read('tensorflow-bundled-libraries.json');
const libraries = fixes
  .filter(({ cves }) => cves.length > 0)
  .map(({ library, updated_to, cves, tf_releases }) =>
    JSON.stringify(clean({ library, updatedTo: updated_to ?? undefined, cves, fixedIn: tf_releases })),
  );
const libraryHead = `"format": 1,\n"read": "${readOn}",\n"sources": "TensorFlow's release notes (Apache-2.0)",`;
writeFileSync(
  path.join(root, 'data', 'tensorflow-bundled-libraries.json'),
  `{\n${libraryHead}\n"libraries": [\n  ${libraries.join(',\n  ')}\n]\n}\n`,
);
process.stdout.write(`tensorflow-bundled-libraries.json: ${libraries.length} updates\n`);
