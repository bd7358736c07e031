// The manifest of a slot: where it came from and the digest of each file in it. Its own digest names the whole slot in logs, status and statements.
// It is for people and other tools. Airlock compares it byte by byte with what the pin table says and never parses it, so a
// manifest that was rewritten to match a rewritten library gains nothing.
import { createHash } from 'node:crypto';
import type { SlotPin } from './pin-types.ts';

export const manifestName = 'manifest.json';

/** The exact bytes that a slot's manifest must have. */
export function encodeManifest(pin: SlotPin): Buffer {
  const origin =
    pin.origin === 'built'
      ? { origin: pin.origin, builders: pin.builders.map(({ id, keyId, attestation }) => ({ id, keyId, attestation })) }
      : { package: pin.package, wheel: pin.wheel, wheelSha256: pin.wheelSha256 };
  const manifest = {
    format: 1,
    version: pin.version,
    arch: pin.arch,
    ...origin,
    files: pin.files.map(({ name, bytes, sha256 }) => ({ name, bytes, sha256 })),
  };
  return Buffer.from(`${JSON.stringify(manifest, undefined, 2)}\n`, 'utf8');
}

/** SHA-256 over the manifest, hex: one name for all bytes of a slot, the same as `sha256sum manifest.json` in it says. */
export function manifestDigest(pin: SlotPin): string {
  return createHash('sha256').update(encodeManifest(pin)).digest('hex');
}
