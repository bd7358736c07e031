// Staging as a user whom modes do bind: a sealed copy can be renamed, replaced and removed by its owner, and read by nobody else. Where the
// tests run as such a user, all of them show the first; here it is shown where they run as root.
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { manifestOf, savedModel, temporaryFolder, writeContents } from '../../support/model-folder.ts';

const built = path.resolve(import.meta.dirname, '../../../dist/provenance/store/index.js');
const nobody = { uid: 65_534, gid: 65_534 };

function whyNot(): string {
  if (process.getuid?.() !== 0) return ' (skipped: only root can become another user)';
  if (!existsSync(built)) return ' (skipped: not built, run `npm run build`)';
  const probe = spawnSync(process.execPath, ['-e', `require('node:fs').accessSync(${JSON.stringify(built)})`], nobody);
  return probe.status === 0 ? '' : ' (skipped: other users cannot read this repository)';
}

const reason = whyNot();
const temporary = temporaryFolder();
afterEach(() => temporary.remove());

describe.skipIf(reason !== '')(`a user without rights${reason}`, () => {
  it('stages over a bad copy, releases it and collects it', () => {
    writeContents(path.join(temporary.path, 'model'), savedModel);
    const manifest = manifestOf(savedModel);
    const entry = path.join(temporary.path, 'store', 'models', manifest.identity);
    writeContents(entry, { 'model/saved_model.pb': 'evil', 'model/variables/x': '' });
    // Sealed, as a bad copy would be.
    for (const part of ['model/variables', 'model', '']) chmodSync(path.join(entry, part), 0o500);
    const script = path.join(import.meta.dirname, 'staging-steps.js');
    for (const name of ['', ...readdirSync(temporary.path, { recursive: true, encoding: 'utf8' })]) {
      chownSync(path.join(temporary.path, name), nobody.uid, nobody.gid);
    }
    const parameters = [script, temporary.path, JSON.stringify(manifest), '-1'];
    const { status, stdout, stderr } = spawnSync(process.execPath, parameters, { ...nobody, encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toBe('lease make copy seal aside rename remove release aside remove');
    expect(readdirSync(path.join(temporary.path, 'store', 'models'))).toEqual(['leases']);
  });
});
