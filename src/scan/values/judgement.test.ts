import { expect, it, vi } from 'vitest';
import { graphDef } from '../../../tests/support/graph-builder.ts';
import { recordingContext } from '../../../tests/support/recording-context.ts';
import { readGraphDefProgram } from '../graph/index.ts';
import { judge } from './judgement.ts';

it('gives the way to the first findings of a kind only: ways are long, and a graph can have a hundred thousand of them', () => {
  const context = recordingContext();
  const program = readGraphDefProgram(graphDef([{ name: 'n', op: 'NonMaxSuppression' }]), 'graph.pb', context);
  const chainTo = vi.spyOn(program.reach, 'chainTo');
  const say = (ruleId: string, count: number) => {
    for (let index = 0; index < count; index++) {
      judge(program, context, { body: program.main, node: 0, ruleId, severity: 'high', says: `is number ${index}` });
    }
  };
  say('memory/tensor', 500);
  expect(chainTo).toHaveBeenCalledTimes(200);
  say('memory/other', 1);
  expect(chainTo).toHaveBeenCalledTimes(201);
  expect(context.findings).toHaveLength(501);
  expect(context.findings[0].chain.length).toBeGreaterThan(0);
  expect(context.findings[499].chain).toEqual([]);
});
