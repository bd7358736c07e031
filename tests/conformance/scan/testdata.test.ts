// Models that nobody here wrote: what the scanner says about each was read by a person, and stays.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compareSeverity } from '../../../src/core/index.ts';
import { scanInProcess } from '../../../src/scan/engine/index.ts';
import { root } from '../../support/server.ts';

interface Verdict {
  readonly path: string;
  /** Whether something in it cannot be judged. */
  readonly unreadable: boolean;
  /** Rules with a finding of medium or above. */
  readonly findings: readonly string[];
  readonly why: string;
}

const testdata = join(root, '../shared/testdata');
const lacking = existsSync(testdata) ? '' : ' (skipped: there is no ../shared/testdata)';
const verdicts = JSON.parse(readFileSync(join(root, 'tools/scan-corpus/testdata-verdicts.json'), 'utf8')) as readonly Verdict[];

describe.skipIf(lacking !== '')(`models of TensorFlow and TensorFlow Serving${lacking}`, () => {
  it.each(verdicts)('$path: $why', async ({ path, unreadable, findings }) => {
    const result = await scanInProcess({ path: join(testdata, path), tensorflow: '2.21.0' });
    const notable = result.findings.filter(({ severity }) => compareSeverity(severity, 'medium') >= 0);
    expect([...new Set(notable.map(({ ruleId }) => ruleId))].sort()).toEqual(findings);
    expect(result.unreadable.length > 0).toBe(unreadable);
  });
});
