// Makes src/runtime/pins.ts, the table of the official TensorFlow wheels that Airlock installs. For developers only.
// It downloads each wheel of the list below by pip, as the user's own pip is set up, hashes it and what Airlock takes from it, and
// deletes it again. It must never run at install time: the table is worth something only because a person reviewed the commit
// that changed it. Compare a new row's wheelSha256 with a second source (a public lock file, the index's own page) first.
//
//   node tools/make-pins.mjs > /tmp/pins.ts && mv /tmp/pins.ts src/runtime/pins.ts && npx biome check --write src/runtime/pins.ts
//   node tools/make-pins.mjs 2.13.1 2.14.1      # the rows of these versions only
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import yauzl from 'yauzl';

const pythonTag = 'cp311';
// Newest patch release of each line. 2.12 is the first whose wheels hold the C API as two libraries of their own.
const allVersions = ['2.21.0', '2.20.0', '2.19.1', '2.18.1', '2.17.1', '2.16.2', '2.15.1', '2.14.1', '2.13.1', '2.12.1'];
const versions = process.argv.length > 2 ? process.argv.slice(2) : allVersions;
const packages = { x86_64: 'tensorflow-cpu', aarch64: 'tensorflow' };
const glibcs = ['2_17', '2_27', '2_28'];
const libraries = ['tensorflow/libtensorflow_cc.so.2', 'tensorflow/libtensorflow_framework.so.2'];
const licences = [/^tensorflow\/(THIRD_PARTY_NOTICES\.txt)$/, /^[^/]+\.dist-info\/(?:licenses\/)?(LICENSE)$/, /^tensorflow\/include\/(LICENSE)$/];

async function digest(stream) {
  const hash = createHash('sha256');
  for await (const chunk of stream) hash.update(chunk);
  return hash.digest('hex');
}

function download(name, version, arch, directory) {
  const tags = [`manylinux2014_${arch}`, ...glibcs.map((glibc) => `manylinux_${glibc}_${arch}`)];
  const options = ['--no-deps', '--only-binary=:all:', '--no-cache-dir', '--implementation', 'cp', '--abi', pythonTag];
  options.push('--python-version', pythonTag.slice(2), ...tags.flatMap((tag) => ['--platform', tag]), '-d', directory);
  execFileSync('python3', ['-m', 'pip', 'download', ...options, `${name}==${version}`], { stdio: ['ignore', 'ignore', 'inherit'] });
  return readdirSync(directory)[0];
}

async function pinnedFiles(path) {
  const zip = await yauzl.openPromise(path, { autoClose: false });
  const files = new Map();
  for await (const entry of zip.eachEntry()) {
    const licence = licences.map((pattern) => pattern.exec(entry.fileName)?.[1]).find((found) => found !== undefined);
    const name = libraries.includes(entry.fileName) ? entry.fileName.slice('tensorflow/'.length) : licence;
    if (name === undefined || files.has(name)) continue;
    const sha256 = await digest(await zip.openReadStreamPromise(entry));
    files.set(name, { entry: entry.fileName, name, bytes: entry.uncompressedSize, sha256 });
  }
  zip.close();
  return [...files.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function pin(version, arch) {
  const directory = mkdtempSync(join(tmpdir(), 'make-pins-'));
  try {
    const wheel = download(packages[arch], version, arch, directory);
    const path = join(directory, wheel);
    const files = await pinnedFiles(path);
    // Before 2.13 the aarch64 wheel was an empty shell that asked pip for another vendor's package.
    if (!libraries.every((library) => files.some((file) => file.entry === library))) return undefined;
    const platformTags = wheel.replace(/\.whl$/, '').split('-').at(-1).split('.');
    const facts = { wheel, wheelBytes: statSync(path).size, wheelSha256: await digest(createReadStream(path)), files };
    return { version, arch, package: packages[arch], pythonTag, platformTags, ...facts };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const rows = [];
for (const version of versions) {
  for (const arch of Object.keys(packages)) {
    const row = await pin(version, arch);
    process.stderr.write(`${version} ${arch}: ${row === undefined ? 'left out, no libraries in it' : row.wheelSha256}\n`);
    if (row !== undefined) rows.push(row);
  }
}
process.stdout.write(`// The official TensorFlow wheels that Airlock installs, with the SHA-256 of each and of every file taken from it.
// Written by tools/make-pins.mjs and reviewed by a person; no other wheel is ever unpacked. Newest first: the first is the default.
import type { RuntimePin } from './pin-types.ts';

export const pins: readonly RuntimePin[] = ${JSON.stringify(rows, undefined, 2)};
`);
