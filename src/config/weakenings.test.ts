import { describe, expect, it } from 'vitest';
import { checkConfig } from './load-config.ts';
import { weakenings } from './weakenings.ts';

const open = { name: 'open', path: 'open', shapes: 'compat', nonFinite: 'allow' };
const closed = { name: 'closed', path: 'closed' };

describe('weakenings()', () => {
  it('is empty for the defaults', () => {
    expect(weakenings(checkConfig({ models: [closed] }, '/'))).toEqual([]);
  });

  it('has one line for each protection that was opened', () => {
    const listen = { rest: '0.0.0.0:8501', unsafeListenBeyondLoopback: true };
    expect(weakenings(checkConfig({ listen, sandbox: { unsafeLevel: 'none' }, models: [closed, open] }, '/'))).toEqual([
      expect.stringMatching(/^listen\.unsafeListenBeyondLoopback: .*0\.0\.0\.0/),
      expect.stringMatching(/^sandbox\.unsafeLevel: none: /),
      expect.stringMatching(/^models\.open\.shapes: compat: /),
      expect.stringMatching(/^models\.open\.nonFinite: allow: /),
    ]);
  });
});
