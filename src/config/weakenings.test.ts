import { describe, expect, it } from 'vitest';
import { checkConfig } from './load-config.ts';
import { weakenings } from './weakenings.ts';

const open = { name: 'open', path: 'open', unsafeUnsigned: true, shapes: 'compat', nonFinite: 'allow' };
const trust = { signers: { ci: { key: 'ci.pub' } }, policies: { release: { models: ['*'], signers: ['ci'] } } };
const closed = { name: 'closed', path: 'closed', trust: 'release' };

describe('weakenings()', () => {
  it('is empty for the defaults', () => {
    expect(weakenings(checkConfig({ trust, models: [closed] }, '/'))).toEqual([]);
  });

  it('has one line for each protection that was opened', () => {
    const listen = { rest: '0.0.0.0:8501', unsafeListenBeyondLoopback: true };
    const opened = {
      signers: { ci: { key: 'ci.pub', accept: ['v0.2', 'raw-public-key'] } },
      policies: { release: { models: ['*'], signers: ['ci'], binding: 'unsafeNone', rollback: 'unsafeAllow' } },
    };
    const config = { listen, sandbox: { unsafeLevel: 'none' }, trust: opened, models: [closed, open] };
    expect(weakenings(checkConfig(config, '/'))).toEqual([
      expect.stringMatching(/^listen\.unsafeListenBeyondLoopback: .*0\.0\.0\.0/),
      expect.stringMatching(/^sandbox\.unsafeLevel: none: /),
      expect.stringMatching(/^trust\.signers\.ci\.accept: v0\.2, raw-public-key: /),
      expect.stringMatching(/^trust\.policies\.release\.binding: unsafeNone: /),
      expect.stringMatching(/^trust\.policies\.release\.rollback: unsafeAllow: /),
      expect.stringMatching(/^models\.open\.unsafeUnsigned: true: /),
      expect.stringMatching(/^models\.open\.shapes: compat: /),
      expect.stringMatching(/^models\.open\.nonFinite: allow: /),
    ]);
  });
});
