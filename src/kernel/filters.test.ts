// The two filters on this machine's kernel: a process makes each call as a rule has it, and one step beside, and the kernel must
// decide as the rules say. Installs one filter per process and never more.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadingPolicy } from '../jail/loading-rules.ts';
import { errnoNumbers, type Policy, type Rule } from '../jail/rules.ts';
import { servingPolicy } from '../jail/serving-rules.ts';
import { type CallName, callNumber, hostArchitecture } from '../jail/syscall-numbers.ts';

const dist = path.resolve(import.meta.dirname, '../../dist');
const whyNot = existsSync(path.join(dist, 'kernel/index.js')) ? '' : ' (skipped: not built, run `npm run build`)';

/** Installs the filter that argv names, makes the calls that it holds as JSON, and prints what each gave. */
const probe = `
  import { writeSync } from 'node:fs';
  import { hostArchitecture, loadingFilter, servingFilter } from ${JSON.stringify(pathToFileURL(path.join(dist, 'jail/index.js')))};
  import { exitNow, installFilter, noNewPrivileges, systemCall } from ${JSON.stringify(pathToFileURL(path.join(dist, 'kernel/index.js')))};
  const [name, calls] = process.argv.slice(1);
  const architecture = hostArchitecture();
  const list = JSON.parse(calls);
  noNewPrivileges();
  installFilter((name === 'loading' ? loadingFilter : servingFilter)(architecture, process.pid), { allThreads: true });
  const results = list.map(([number, values]) =>
    Number(systemCall(number, ...values.map((value) => value === 'self' ? process.pid : BigInt(value)))));
  writeSync(1, JSON.stringify(results));
  exitNow(0);`;

/** 'self' stands for the process's own id. */
type Value = string;
type Call = readonly [number: number, values: readonly Value[]];

interface Outcome {
  readonly signal: NodeJS.Signals | null;
  readonly results: readonly number[];
}

async function make(filter: 'loading' | 'serving', calls: readonly Call[]): Promise<Outcome> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', probe, '--', filter, JSON.stringify(calls)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const signal = new Promise<NodeJS.Signals | null>((resolve) => child.once('exit', (_, name) => resolve(name)));
  const out = await text(child.stdout);
  return { signal: await signal, results: out === '' ? [] : (JSON.parse(out) as number[]) };
}

const ownProcess = 4242;
const nowhere = String(2n ** 64n - 1n);

/** Arguments as a rule has them; all others are an address or descriptor that cannot be, so that no call does anything. */
function valuesOf({ when }: Rule): Value[] {
  const values: Value[] = new Array(6).fill(nowhere);
  for (const { argument, oneOf } of when) values[argument] = oneOf[0] === ownProcess ? 'self' : String(oneOf[0]);
  return values;
}

/** For each condition, arguments that fail it alone: by a bit that no rule has, and by the upper half where the kernel reads that. */
function outside(rule: Rule): Value[][] {
  return rule.when.flatMap(({ argument, width, oneOf }) => {
    const steps = width === 64 ? [1n << 29n, 1n << 32n] : [1n << 29n];
    return steps.map((step) => valuesOf(rule).with(argument, String(BigInt(oneOf[0]) ^ step)));
  });
}

const numberOf = (call: CallName): number => callNumber(call, hostArchitecture()) ?? -1;

/** Calls that would end or break the process that makes them, though they are allowed. */
const disruptive: ReadonlySet<CallName> = new Set(['exit', 'exit_group', 'rt_sigreturn', 'clone', 'restart_syscall']);

/** uretprobe and uprobe of x86_64: the kernel (6.14) does not show them to filters, and answers a program that makes them by SIGILL. */
const unfiltered: ReadonlySet<number> = new Set(process.arch === 'x64' ? [335, 336] : []);

const refusals: readonly number[] = [errnoNumbers.EPERM, errnoNumbers.EACCES, errnoNumbers.ENOSYS].map((number) => -number);

function rulesHere(policy: Policy): Rule[] {
  return policy.rules.filter(({ call }) => numberOf(call) >= 0);
}

describe.skipIf(whyNot !== '')(`on this kernel${whyNot}`, () => {
  it.each([
    ['loading', loadingPolicy(ownProcess)],
    ['serving', servingPolicy(ownProcess)],
  ] as const)('the %s filter lets through what its rules allow, and refuses what they refuse', async (name, policy) => {
    const rules = rulesHere(policy).filter(({ call }) => !disruptive.has(call));
    const { signal, results } = await make(
      name,
      rules.map((rule) => [numberOf(rule.call), valuesOf(rule)]),
    );
    expect(signal).toBe(null);
    rules.forEach(({ call, action }, index) => {
      if (action === 'allow') expect(refusals, call).not.toContain(results[index]);
      else expect(results[index], call).toBe(-errnoNumbers[action as keyof typeof errnoNumbers]);
    });
  });

  it('the loading filter refuses every call one step beside a rule, and every call that no rule names', async () => {
    const beside = rulesHere(loadingPolicy(ownProcess)).flatMap((rule) =>
      outside(rule).map((values): Call => [numberOf(rule.call), values]),
    );
    const named = new Set(loadingPolicy(ownProcess).rules.map(({ call }) => numberOf(call)));
    const unnamed = Array.from({ length: 470 }, (_, number): Call => [number, []]).filter(
      ([number]) => !named.has(number) && !unfiltered.has(number),
    );
    // First one that does no harm: were the filter not there, the others must not be made.
    const { results: first } = await make('loading', [[numberOf('memfd_create'), ['0']]]);
    expect(first).toEqual([-errnoNumbers.EPERM]);
    const { signal, results } = await make('loading', [...beside, ...unnamed]);
    expect(signal).toBe(null);
    expect(results.filter((result) => result !== -errnoNumbers.EPERM)).toEqual([]);
    expect(results.length).toBeGreaterThan(300);
  });

  it('the serving filter ends the process one step beside each rule', async () => {
    const beside = rulesHere(servingPolicy(ownProcess)).flatMap((rule) =>
      outside(rule).map((values): Call => [numberOf(rule.call), values]),
    );
    const never = (['access', 'execve', 'socket', 'seccomp', 'kill', 'unshare', 'memfd_create', 'getdents64', 'fcntl'] as const)
      .map((call): Call => [numberOf(call), []])
      .filter(([number]) => number >= 0);
    const survived: string[] = [];
    const waiting = [...beside, ...never];
    expect(waiting.length).toBeGreaterThan(25);
    const worker = async (): Promise<void> => {
      for (let call = waiting.pop(); call !== undefined; call = waiting.pop()) {
        const { signal } = await make('serving', [call]);
        if (signal !== 'SIGSYS') survived.push(`${call.join(' ')}: ${signal}`);
      }
    };
    await Promise.all([worker(), worker()]);
    expect(survived).toEqual([]);
  });

  it.skipIf(process.arch !== 'x64')('ends a process that uses the x32 interface (x86_64 only)', async () => {
    for (const filter of ['loading', 'serving'] as const) {
      expect((await make(filter, [[0x40000000 + 39, []]])).signal).toBe('SIGSYS');
    }
  });
});
