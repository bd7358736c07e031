// The tables of risks against TensorFlow's own list of operations: a name with a typing error would never match anything.
import { describe, expect, it } from 'vitest';
import { openOpRegistry } from '../ops/index.ts';
import { blockingPairs } from './blocking-pairs.ts';
import { opJudges } from './op-judges.ts';
import { fileRisks } from './op-risks-files.ts';
import { runRisks } from './op-risks-run.ts';
import { saverRisks } from './op-risks-saver.ts';
import { hazardRules } from './rules.ts';

const ops = openOpRegistry();
const risks = [...fileRisks, ...saverRisks, ...runRisks];
const named = [...risks.flatMap((risk) => risk.ops), ...blockingPairs.flatMap(({ takes, gives }) => [...takes, ...gives])];
// Older or newer than TensorFlow 2.21.
const elsewhere = new Set(['HostConst', 'DebugNumericSummaryV2', 'SleepOp', 'SleepIdentityOp']);
describe('the tables of risks', () => {
  it('name operations of TensorFlow', () => expect(named.filter((op) => ops.get(op) === undefined)).toEqual([]));

  it('have a judge for nothing that TensorFlow does not have', () => {
    expect([...opJudges.keys()].filter((op) => ops.get(op) === undefined && !elsewhere.has(op))).toEqual([]);
  });

  it('name an operation once', () => expect(new Set(named).size).toBe(named.length));

  function hasArgument(op: string, place: string): boolean {
    const [kind, argument = ''] = place.split(':');
    const definition = ops.get(op);
    return kind === 'in'
      ? definition?.inputs.some((input) => input.name === argument) === true
      : definition?.attrs.has(argument) === true;
  }

  it('name no argument that none of their operations has', () => {
    const wrong = risks.flatMap((risk) => risk.at.filter((place) => !risk.ops.some((op) => hasArgument(op, place))));
    expect(wrong).toEqual([]);
  });

  it('name a path of every operation on files', () => {
    const paths = [...fileRisks, ...saverRisks];
    expect(paths.flatMap((risk) => risk.ops.filter((op) => !risk.at.some((place) => hasArgument(op, place))))).toEqual([]);
  });

  it('report by rules that exist', () => {
    const ids = new Set(hazardRules.map(({ id }) => id));
    expect(ids.size).toBe(hazardRules.length);
    for (const { ruleId } of risks) expect(ids).toContain(ruleId);
  });
});
