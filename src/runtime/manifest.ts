// The manifest of a slot: which wheel it came from and the digest of each file in it.
// It is for people and other tools. Airlock compares it byte by byte with what the pin table says and never parses it, so a
// manifest that was rewritten to match a rewritten library gains nothing.
import type { RuntimePin } from './pin-types.ts';

export const manifestName = 'manifest.json';

/** The exact bytes that a slot's manifest must have. */
export function encodeManifest(pin: RuntimePin): Buffer {
  const manifest = {
    format: 1,
    version: pin.version,
    arch: pin.arch,
    package: pin.package,
    wheel: pin.wheel,
    wheelSha256: pin.wheelSha256,
    files: pin.files.map(({ name, bytes, sha256 }) => ({ name, bytes, sha256 })),
  };
  return Buffer.from(`${JSON.stringify(manifest, undefined, 2)}\n`, 'utf8');
}
