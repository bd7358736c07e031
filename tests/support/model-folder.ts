// Small model folders for tests of provenance, and manifests of what should be in them.
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { makeManifest } from '../../src/provenance/format/index.ts';
import type { Manifest } from '../../src/provenance/index.ts';

export type Contents = Readonly<Record<string, string | Buffer>>;

/** As TensorFlow writes it, by names only. */
export const savedModel: Contents = {
  'saved_model.pb': 'graph',
  'fingerprint.pb': '',
  'variables/variables.index': 'index',
  'variables/variables.data-00000-of-00001': Buffer.alloc(3000, 'weights'),
};

export function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

/** What a signature over exactly these files would name. */
export function manifestOf(contents: Contents, ignored: readonly string[] = []): Manifest {
  const files = Object.entries(contents).map(([name, content]) => ({ name, digest: sha256(content) }));
  return makeManifest(files, { ignored });
}

export function writeContents(folder: string, contents: Contents): void {
  for (const [name, content] of Object.entries(contents)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
}

/** A new folder that only this user can enter; `remove` takes it away again, whatever modes there are in it. */
export function temporaryFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'airlock-provenance-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
