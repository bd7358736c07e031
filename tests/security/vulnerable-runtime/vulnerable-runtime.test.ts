// What Airlock is for, with a TensorFlow that really has the holes: 2.9.1, in which 106 published vulnerabilities are open. Each attack does harm to a plain process
// of it, is named by the scanner, is refused by a contract where it comes with a request, and ends nothing but its own worker in the jail.
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { advisoryData, isAffected } from '../../../src/advisories/index.ts';
import { findSlot, verifySlot } from '../../../src/runtime/index.ts';
import { type Jail, openJail } from '../../../src/sandbox/index.ts';
import { scan } from '../../../src/scanner/index.ts';
import type { Tensor } from '../../../src/tensor/index.ts';
import { numbers, type RuleDraft, refusedBy, runContract, strings } from '../../support/contracts.ts';
import { lacksLevel } from '../../support/jail-level.ts';
import { plainJail } from '../../support/plain-jail.ts';
import { needsRuntime, requireSlot } from '../../support/runtime.ts';
import { reachableSandbox } from '../../support/sandbox.ts';
import { root } from '../../support/server.ts';
import { type AttackModel, attackModel } from './attack.ts';
import { attacks, chosenAttacks, writesTable } from './attacks.ts';
import { type Neighbour, startNeighbour } from './neighbour.ts';
import { type OldRuntime, oldPin, oldRuntime } from './old-runtime.ts';
import { documented, isForeign, type Row, writeTable } from './outcome-table.ts';
import { runAttack } from './run-attack.ts';

const found = await oldRuntime();
const whyNot = typeof found === 'string' ? ` (${found})` : '';
const whyNoJail = whyNot || needsRuntime || lacksLevel('process');

function old(): OldRuntime {
  if (typeof found === 'string') throw new Error(found);
  return found;
}

/** What a client who means well would send: the least that the rules allow. */
function goodTensor({ dtype, shape = [], min = 1 }: RuleDraft): Tensor {
  const sizes = shape.map((dim) => (dim.kind === 'fixed' ? dim.size : 1));
  const count = sizes.reduce((product, size) => product * size, 1);
  if (dtype === 'DT_STRING') return strings(Array<string>(count).fill('x'), sizes);
  return numbers(dtype, Array<number>(count).fill(Number(min)), sizes);
}

/** The rules of a contract for the model that refuse the attack's request; undefined when no request takes part. */
function contractRefuses({ rules, feeds, signature }: AttackModel): string[] | undefined {
  if (feeds.length === 0) return undefined;
  const sent = signature.inputs.map(({ alias }, index) => [alias, feeds[index]] as const);
  const good = signature.inputs.map(({ alias }) => [alias, goodTensor(rules[alias])] as const);
  expect(refusedBy(runContract({ inputs: rules }, Object.fromEntries(good)).findings)).toEqual([]);
  return refusedBy(runContract({ inputs: rules }, Object.fromEntries(sent)).findings);
}

describe('attacks', () => {
  it('are on advisories that are open in 2.9.1 and not in 2.21.0, and on the operations that those name', () => {
    const known = new Map(advisoryData().tensorflow.map((advisory) => [advisory.cve, advisory]));
    expect(attacks.length).toBeGreaterThanOrEqual(25);
    expect(new Set(attacks.map(({ cve }) => cve)).size).toBe(attacks.length);
    for (const { cve, op } of attacks) {
      const advisory = known.get(cve);
      expect([cve, isAffected('2.9.1', advisory?.affected ?? [])]).toEqual([cve, true]);
      expect([cve, isAffected('2.21.0', advisory?.affected ?? [])]).toEqual([cve, false]);
      expect([cve, advisory?.ops]).toEqual([cve, expect.arrayContaining([op])]);
    }
  });

  it('are all in the table of docs/vulnerable-runtime.md', () => {
    expect(documented()).toEqual(attacks.map(({ cve, op }) => [cve, op]));
  });
});

describe.skipIf(whyNot !== '')(`TensorFlow 2.9.1 as a runtime${whyNot}`, () => {
  it('is none that Airlock knows, also where its files lie in the store', async () => {
    const { store, slot } = old();
    expect(slot.directory.startsWith(store)).toBe(true);
    await expect(findSlot(store, oldPin.version)).rejects.toMatchObject({ code: 'RUNTIME_VERSION_UNKNOWN' });
    // Only a slot that brings its own pin, as the one of these tests does, is another matter.
    await expect(verifySlot({ ...slot, pin: undefined })).rejects.toMatchObject({ code: 'RUNTIME_VERSION_UNKNOWN' });
  });

  it('starts no server', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'airlock-vulnerable-'));
    try {
      const file = path.join(folder, 'airlock.yaml');
      const models = [{ name: 'digits', path: path.join(root, 'examples/digits'), unsafeUnsigned: true }];
      const config = { store: old().store, runtime: { tensorflow: oldPin.version }, listen: { rest: '127.0.0.1:0' }, models };
      writeFileSync(file, JSON.stringify({ ...config, sandbox: reachableSandbox }));
      const served = promisify(execFile)(process.execPath, [path.join(root, 'bin/airlock.js'), 'serve', file], {
        timeout: 30_000,
      });
      const { code, stdout, stderr } = await served.then(
        ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
        (error: { code: number; stdout: string; stderr: string }) => error,
      );
      expect(code).toBeGreaterThan(0);
      expect(`${stdout}${stderr}`).toContain('TensorFlow 2.9.1 is not pinned');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe.skipIf(whyNoJail !== '')(`an attack on TensorFlow 2.9.1${whyNoJail}`, () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'airlock-vulnerable-'));
  const rows: Row[] = [];
  let jail: Jail;
  let neighbour: Neighbour;

  beforeAll(async () => {
    jail = await openJail({ readable: old().readable, ...reachableSandbox });
    neighbour = await startNeighbour();
  });
  afterAll(async () => {
    await neighbour?.stop();
    await jail?.close();
    rmSync(folder, { recursive: true, force: true });
    if (writesTable) writeTable(rows);
  });

  it.each(chosenAttacks.map((attack) => [attack.cve, attack.op, attack.trigger, attack] as const))(
    '%s, %s with %s',
    async (cve, _op, _trigger, attack) => {
      const model = attackModel(attack);
      const directory = path.join(folder, cve);
      mkdirSync(directory);
      writeFileSync(path.join(directory, 'saved_model.pb'), model.bytes);
      const rightBefore = neighbour.right;

      // Before a worker: what the scanner says of the model, and a contract of the request.
      const scanned = await scan(directory, { tensorflow: '2.9.1', jail });
      const verdict = scanned.advisories.find((one) => one.cve === cve);
      expect(verdict).toMatchObject({ status: 'affected' });
      const refusals = contractRefuses(model);
      if (refusals !== undefined) expect(refusals.length).toBeGreaterThan(0);

      // Without the jail it does harm: this process has our rights, and dies or gives its memory away.
      const { libraries } = old();
      const onNewer = writesTable ? runAttack(model, { jail: plainJail(), slot: requireSlot() }) : undefined;
      const plain = await runAttack(model, { jail: plainJail(), slot: libraries });
      const newer = await onNewer;
      if (attack.isForeign === undefined)
        expect(plain).toMatchObject({ kind: 'crashed', how: expect.stringMatching(/SIG(ABRT|SEGV|BUS|FPE|ILL)/) });
      else expect(isForeign(attack, plain)).toBe(true);

      // With it, what ends is one worker, which comes back; the server beside it has answered all the while.
      const jailed = await runAttack(model, { jail, slot: libraries, untilRestarted: true });
      if (attack.isForeign === undefined) {
        // Not by the same signal everywhere: abort(3) cannot send one as the first process of a namespace, and what asks for terabytes gets none.
        expect(jailed.kind).toBe('crashed');
        // A model that ends each worker while it loads never becomes available.
        expect(jailed.restarted).toBe(!jailed.duringLoad);
      } else expect(jailed.kind).toBe('answered');
      if (newer !== undefined)
        rows.push({ attack, plain, jailed, newer, refusedBy: refusals ?? [], scanned: verdict?.status ?? '' });
      expect(neighbour.wrong).toEqual([]);
      expect(neighbour.right).toBeGreaterThan(rightBefore);
    },
    60_000,
  );
});
