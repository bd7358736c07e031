// The table of numbers against the kernel's own headers. A wrong number would allow another call than the one that a rule names.
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Architecture, architectureOf, callNames, callNumber } from './syscall-numbers.ts';

const headers: Readonly<Record<Architecture, string>> = {
  x86_64: '/usr/include/x86_64-linux-gnu/asm/unistd_64.h',
  // aarch64 has the numbers that every newer architecture has; some names there are not the calls' own.
  aarch64: '/usr/include/asm-generic/unistd.h',
};

const otherNames: Readonly<Record<string, string>> = { newfstatat: 'fstatat' };

describe.each(Object.entries(headers) as [Architecture, string][])('numbers on %s', (architecture, header) => {
  const whyNot = existsSync(header) ? '' : ' (skipped: the kernel headers are not installed)';

  it.skipIf(whyNot !== '')(`are those of the kernel${whyNot}`, () => {
    const text = readFileSync(header, 'utf8');
    const found = new Map(
      [...text.matchAll(/#define __NR(?:3264)?_(\w+) (\d+)/g)].map(([, name, number]) => [name, Number(number)]),
    );
    for (const call of callNames) {
      // The older of two names is the one of this call, unless it is for 32 bits only.
      const number = found.get(architecture === 'aarch64' ? (otherNames[call] ?? call) : call);
      expect(callNumber(call, architecture), call).toBe(number);
    }
    expect(callNames.length).toBeGreaterThan(60);
  });
});

it('gives no two calls one number', () => {
  for (const architecture of ['x86_64', 'aarch64'] as const) {
    const numbers = callNames.map((call) => callNumber(call, architecture)).filter((number) => number !== undefined);
    expect(new Set(numbers).size).toBe(numbers.length);
  }
});

it('knows two processors', () => {
  expect(architectureOf('x64')).toBe('x86_64');
  expect(architectureOf('arm64')).toBe('aarch64');
  for (const name of ['ia32', 'arm', 'riscv64']) expect(() => architectureOf(name)).toThrow('not supported');
});
