import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { advisoryDocument, writeUpdate } from '../advisories/index.ts';
import { AuditLog } from '../audit/index.ts';
import { defaultRuntimeConfig } from '../config/index.ts';
import type { ModelCatalog } from '../serving/index.ts';
import { familiesText } from '../telemetry/index.ts';
import { postureMetrics } from './posture-metrics.ts';
import { PostureWatch } from './posture-watch.ts';

let store = '';
beforeEach(() => {
  store = mkdtempSync(join(tmpdir(), 'airlock-posture-'));
  const own = advisoryDocument();
  const made = {
    id: 'GHSA-made-made-made',
    title: 'Made up',
    severity: 'high' as const,
    published: '2026-12-01',
    affected: [{ introduced: '2.21.0', fixed: '2.21.1' }],
    basis: 'advisory',
    fixed: ['2.21.1'],
    component: 'kernel',
    impact: ['heap_oob'],
    trigger: 'both' as const,
  };
  writeUpdate(store, { ...own, curated: '2026-11-24', read: '2026-11-24', tensorflow: [...own.tensorflow, made] });
});
afterEach(() => rmSync(store, { recursive: true, force: true }));

const soon = (check: () => boolean): Promise<void> =>
  new Promise((resolve, reject) => {
    const startedMs = Date.now();
    const timer = setInterval(() => {
      if (!check() && Date.now() - startedMs < 10_000) return;
      clearInterval(timer);
      if (check()) resolve();
      else reject(new Error('it did not happen'));
    }, 10);
  });

describe('PostureWatch', () => {
  it('says when a deadline passes and when it does not hold any more, each once, and writes it down', async () => {
    let nowMs = Date.parse('2026-12-08T23:00:00Z');
    let version = '2.21.0';
    const said: string[] = [];
    const troubles: string[] = [];
    const watch = new PostureWatch({
      config: { store, runtime: defaultRuntimeConfig, models: [] },
      tensorflow: () => version,
      onPosture: (text) => said.push(text),
      onTrouble: (text) => troubles.push(text),
      everyMs: 20,
      now: () => nowMs,
    });
    const audit = new AuditLog(join(store, 'audit'));
    await watch.admit();
    expect(watch.state?.slots[0]).toMatchObject({ isOverdue: false, daysLeft: 0 });
    expect(familiesText(postureMetrics(watch.state))).toContain('airlock_runtime_days_left 0\n');
    expect(postureMetrics(undefined)).toEqual([]);
    const catalog = { models: [] } as unknown as ModelCatalog;
    watch.start({ catalog, loaded: Promise.resolve(), scanned: () => [], audit });
    try {
      nowMs = Date.parse('2026-12-09T00:00:00Z');
      await soon(() => said.length === 1);
      expect(said[0]).toContain('GHSA-made-made-made (high) had to be gone by 2026-12-08');
      // Looked at again and again, and said once.
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(said).toHaveLength(1);
      version = '2.20.0';
      watch.look();
      await soon(() => said.length === 2);
      expect(said[1]).toBe('nothing in the TensorFlow that serves is overdue any more');
      expect(audit.head.seq).toBe(2);
      // Data that somebody else could have written is said, and what was known stays.
      chmodSync(join(store, 'advisories', 'advisories.json'), 0o666);
      await soon(() => troubles.length > 0);
      expect(troubles[0]).toContain('ADVISORIES_INVALID');
      expect(watch.state?.slots[0].version).toBe('2.20.0');
    } finally {
      await watch.close();
    }
  });

  it('writes down what was overdue before there was a log', async () => {
    const said: string[] = [];
    const watch = new PostureWatch({
      config: { store, runtime: defaultRuntimeConfig, models: [] },
      tensorflow: () => '2.21.0',
      onPosture: (text) => said.push(text),
      onTrouble: () => undefined,
      now: () => Date.parse('2026-12-09T00:00:00Z'),
    });
    await watch.admit();
    expect(said).toHaveLength(1);
    const audit = new AuditLog(join(store, 'audit'));
    watch.start({
      catalog: { models: [] } as unknown as ModelCatalog,
      loaded: Promise.resolve(),
      scanned: () => [],
      audit,
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    await watch.close();
    expect(said).toHaveLength(1);
    expect(audit.head.seq).toBe(1);
  });

  it('says that data from a day to come means a wrong clock', async () => {
    const said: string[] = [];
    const watch = new PostureWatch({
      config: { store, runtime: defaultRuntimeConfig, models: [] },
      tensorflow: () => '2.20.0',
      onPosture: (text) => said.push(text),
      onTrouble: () => undefined,
      now: () => Date.parse('2026-10-01T00:00:00Z'),
    });
    await watch.admit();
    expect(said).toEqual([expect.stringContaining('a day that is still to come')]);
  });

  it('refuses where it is told to', async () => {
    const watch = new PostureWatch({
      config: { store, runtime: { ...defaultRuntimeConfig, whenOverdue: 'refuse' }, models: [] },
      tensorflow: () => '2.21.0',
      onPosture: () => undefined,
      onTrouble: () => undefined,
      now: () => Date.parse('2026-12-09T00:00:00Z'),
    });
    await expect(watch.admit()).rejects.toMatchObject({ code: 'RUNTIME_OVERDUE' });
  });
});
