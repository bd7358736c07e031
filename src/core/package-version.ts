// Which version of Airlock this is, as its package says.
import { readFileSync } from 'node:fs';

/** The version in package.json; `unknown` where that has none. */
export function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest ? String(manifest.version) : 'unknown';
}
