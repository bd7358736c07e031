import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { flameFrames } from './flame.ts';
import { formatMemory, formatUs, profileHtml } from './html-report.ts';
import { OpProfile } from './op-profile.ts';
import type { NodeRun, RunProfile } from './run-profile.ts';

const ran = (node: string, op: string, us: number, startUs = 0): NodeRun => ({
  node,
  op,
  startUs,
  durationUs: us,
  selfUs: us,
  peakBytes: 2_048,
  outputBytes: 0,
  thread: 0,
});

function report(...nodes: readonly NodeRun[]): { readonly profile: OpProfile; readonly html: string } {
  const slowest: RunProfile = { nodes, durationUs: 1_000, peakBytes: 4_096, traceBytes: 1 };
  const profile = new OpProfile();
  profile.add(slowest);
  return { profile, html: profileHtml('Profile of <m>', ['a & b'], [{ name: 'sig"<', profile, slowest }]) };
}

it('puts scopes under each other, as wide as what is in them took', () => {
  const { profile } = report(ran('a/x', 'MatMul', 600), ran('a/y', 'Relu', 200), ran('b', 'Add', 200));
  expect(flameFrames(profile.nodes, 1).map(({ name, depth, from, share, op }) => [name, op, depth, from, share])).toEqual([
    ['a', '', 0, 0, 0.8],
    ['x', 'MatMul', 1, 0, 0.6],
    ['y', 'Relu', 1, 0.6, 0.2],
    ['b', 'Add', 0, 0.8, 0.2],
  ]);
});

it('is bounded, however deep and many the names are', () => {
  const deep = ran('s/'.repeat(1_000), 'A', 5_000);
  const many = Array.from({ length: 10_000 }, (_, index) => ran(`w${index}`, 'A', 1));
  const { profile, html } = report(deep, ...many);
  const frames = flameFrames(profile.nodes, 1);
  expect(Math.max(...frames.map(({ depth }) => depth))).toBe(23);
  expect(frames.length).toBeLessThanOrEqual(4_000);
  expect(html.length).toBeLessThan(2_000_000);
});

it('runs nothing and loads nothing, whatever a model calls its nodes', () => {
  const { html } = report(
    ran('"/><script>alert(1)</script>', '</title><img src=x onerror=alert(1)>', 500),
    ran('\u202Eevil', 'B&B', 100),
  );
  expect(html).not.toMatch(/<script|<img|\u202E/);
  expect(html).toContain('&lt;script&gt;');
  expect(html).toContain('Profile of &lt;m&gt;');
  expect(html).not.toMatch(/<[^>]*\s(?:src|href|onerror)=/i);
  const style = /<style>([\s\S]*?)<\/style>/.exec(html)?.[1] ?? '';
  expect(html).toContain(`default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`);
  // The policy lets no style through but that one.
  expect(html).not.toMatch(/<[^>]*\sstyle=/);
});

it('writes times and memory as people do', () => {
  expect([0, 12.4, 3_400, 2_100_000].map(formatUs)).toEqual(['0.0 µs', '12 µs', '3.4 ms', '2.1 s']);
  expect([0, 1_023, 1_536, 20 * 2 ** 20].map(formatMemory)).toEqual(['0 B', '1023 B', '1.5 KiB', '20 MiB']);
});
