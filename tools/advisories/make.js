// Turns collected facts about TensorFlow's and Keras's vulnerabilities into the data files that Airlock judges by. Run by hand when the facts
// change: node tools/advisories/make.js FOLDER, where FOLDER holds tensorflow-advisories.json and keras-advisories.json as they were
// collected. It only drops and renames fields; what it does not understand ends it.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const folder = process.argv[2];
if (folder === undefined) {
  process.stderr.write('usage: node tools/advisories/make.js FOLDER\n');
  process.exit(2);
}
const root = path.resolve(import.meta.dirname, '../..');
const read = (name) => JSON.parse(readFileSync(path.join(folder, name), 'utf8'));

/** Events in OSV's order become ranges: from `introduced`, up to and without `fixed`, or up to and with `lastAffected`. */
function ranges(events) {
  const found = [];
  for (const event of events) {
    if ('introduced' in event) found.push({ introduced: event.introduced });
    else if ('fixed' in event) found.at(-1).fixed = event.fixed;
    else if ('last_affected' in event) found.at(-1).lastAffected = event.last_affected;
    else throw new Error(`unknown event ${JSON.stringify(event)}`);
  }
  return found;
}

const clean = (object) => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));

function tensorflow(advisory) {
  const published = advisory.published_events?.find((one) => one.package === 'tensorflow');
  return clean({
    id: advisory.id,
    cve: advisory.cve === advisory.id ? undefined : advisory.cve,
    severity: (advisory.severity ?? 'medium').toLowerCase(),
    published: advisory.published,
    affected: ranges((advisory.affected ?? published ?? { events: [] }).events),
    // The first release of each branch whose notes list it; or only what the advisory itself says, which often is wrong.
    basis: advisory.affected?.basis ?? (published === undefined ? 'none' : 'published'),
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
  const head = `"read": "2026-11-23",\n"sources": "PyPA and GitHub advisory databases (CC-BY-4.0), TensorFlow's advisories and release notes (Apache-2.0), NVD scores",`;
  writeFileSync(path.join(root, 'data', name), `{\n${head}\n"advisories": [\n${lines.join(',\n')}\n]\n}\n`);
  process.stdout.write(`${name}: ${advisories.length} advisories\n`);
}

write('tensorflow-advisories.json', read('tensorflow-advisories.json').map(tensorflow));
write('keras-advisories.json', read('keras-advisories.json').map(keras));
