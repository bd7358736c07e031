// The shape of a transparency log's entry in a keyless bundle. The library that verifies it reads base64 and numbers leniently
// and fills in what is missing; so what reaches it is exact. Whether the entry is true is for src/provenance/signers.
import { invalid, readBase64, readClosedObject, readList, readText, shown } from './fields.ts';

const maxHashes = 64;
const maxBodyBytes = 1024 * 1024;
const maxCheckpointBytes = 64 * 1024;

/** @throws BUNDLE_INVALID when `value` is not the entry of a log as sigstore-python and sigstore-js write it. */
export function checkLogEntry(value: unknown, path: string): void {
  const entry = readClosedObject(
    value,
    path,
    ['logId', 'kindVersion', 'inclusionProof', 'canonicalizedBody'],
    // Protocol Buffers leave out a 0: the first entry of a log, and the time in a log that does not promise one.
    ['logIndex', 'integratedTime', 'inclusionPromise'],
  );
  checkNumber(entry.logIndex, `${path}.logIndex`);
  checkNumber(entry.integratedTime, `${path}.integratedTime`);
  readBase64(readClosedObject(entry.logId, `${path}.logId`, ['keyId']).keyId, `${path}.logId.keyId`, 1, 64);
  const kindVersion = readClosedObject(entry.kindVersion, `${path}.kindVersion`, ['kind', 'version']);
  readText(kindVersion.kind, `${path}.kindVersion.kind`, 64);
  readText(kindVersion.version, `${path}.kindVersion.version`, 64);
  readBase64(entry.canonicalizedBody, `${path}.canonicalizedBody`, 1, maxBodyBytes);
  checkProof(entry.inclusionProof, `${path}.inclusionProof`);
  if (!Object.hasOwn(entry, 'inclusionPromise')) return;
  const promise = readClosedObject(entry.inclusionPromise, `${path}.inclusionPromise`, ['signedEntryTimestamp']);
  readBase64(promise.signedEntryTimestamp, `${path}.inclusionPromise.signedEntryTimestamp`, 1, 1024);
}

function checkProof(value: unknown, path: string): void {
  const proof = readClosedObject(value, path, ['rootHash', 'treeSize', 'checkpoint'], ['logIndex', 'hashes']);
  checkNumber(proof.logIndex, `${path}.logIndex`);
  checkNumber(proof.treeSize, `${path}.treeSize`);
  readBase64(proof.rootHash, `${path}.rootHash`, 32, 32);
  if (Object.hasOwn(proof, 'hashes')) {
    for (const [index, hash] of readList(proof.hashes, `${path}.hashes`, 0, maxHashes).entries()) {
      readBase64(hash, `${path}.hashes[${index}]`, 32, 32);
    }
  }
  const checkpoint = readClosedObject(proof.checkpoint, `${path}.checkpoint`, ['envelope']);
  readText(checkpoint.envelope, `${path}.checkpoint.envelope`, maxCheckpointBytes);
}

/** An unsigned or signed 64-bit number is a text in the JSON of Protocol Buffers. */
function checkNumber(value: unknown, path: string): void {
  if (value === undefined || (typeof value === 'string' && /^(0|[1-9][0-9]{0,18})$/.test(value))) return;
  throw invalid(path, 'number', 'a decimal number as text', shown(value));
}
