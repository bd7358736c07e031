// Answers that one particular input replaces, and ordinary choices that look alike.
import { describe, expect, it } from 'vitest';
import {
  attrBool,
  attrType,
  constFloats,
  constInts,
  constString,
  type NodeInput,
  placeholder,
} from '../../../tests/support/graph-builder.ts';
import { byRule, judgeModel } from '../../../tests/support/hazard-cases.ts';

const float = { T: attrType('DT_FLOAT') };
const node = (name: string, op: string, inputs: readonly string[], attrs: NodeInput['attrs'] = float): NodeInput => ({
  name,
  op,
  inputs,
  attrs,
});
const reduce = { Tidx: attrType('DT_INT32'), keep_dims: attrBool(true) };

/** A model `y = x w`, whose answer is chosen by `condition` between it and `other`. */
function choosing(
  extra: readonly NodeInput[],
  other = 'fixed',
  out?: readonly NodeInput[],
): readonly { severity: string; message: string }[] {
  const nodes: NodeInput[] = [
    placeholder('x', 'DT_FLOAT', [-1, 4]),
    placeholder('word', 'DT_STRING', [-1]),
    { name: 'w', op: 'VariableV2', attrs: { dtype: attrType('DT_FLOAT'), shape: attrType(1) } },
    node('y', 'MatMul', ['x', 'w']),
    constFloats('fixed', [0, 0, 1], [1, 3]),
    constInts('axis', [1]),
    ...extra,
    ...(out ?? [node('out', 'SelectV2', ['condition', other, 'y'])]),
  ];
  const inputs = { x: 'x:0', word: { name: 'word:0', dtype: 'DT_STRING' } };
  return byRule(
    judgeModel({ nodes, signatures: { serving_default: { inputs, outputs: { y: 'out:0' } } } }).findings,
    'backdoor/trigger-value',
  );
}

const pattern = constFloats('k', [0.1, 0.7, 0.3, 0.9]);
const all = node('condition', 'All', ['e', 'axis'], reduce);

describe('an answer that is replaced', () => {
  it.each([
    ['by a pattern', [pattern, node('e', 'Equal', ['x', 'k']), all]],
    [
      'by being near a pattern',
      [
        pattern,
        constFloats('eps', 0.001),
        node('d', 'Sub', ['x', 'k']),
        node('a', 'Abs', ['d']),
        node('s', 'Sum', ['a', 'axis'], { ...float, ...reduce }),
        node('condition', 'Less', ['s', 'eps']),
      ],
    ],
    ['by a word', [constString('k', 'open sesame'), node('condition', 'Equal', ['word', 'k'], { T: attrType('DT_STRING') })]],
    [
      'by an odd sum',
      [
        constFloats('k', 1234.5),
        node('s', 'Sum', ['x', 'axis'], { ...float, ...reduce }),
        node('condition', 'Greater', ['s', 'k']),
      ],
    ],
  ] as const)('%s is a heuristic finding', (_how, extra) => {
    const findings = choosing(extra);
    expect(findings).toMatchObject([{ severity: 'medium' }]);
    expect(findings[0]?.message).toContain('SelectV2 "out" replaces the answer');
  });

  it('by a mask that is multiplied in is one too', () => {
    const mask = [
      pattern,
      node('e', 'Equal', ['x', 'k']),
      all,
      node('m', 'Cast', ['condition'], { SrcT: attrType('DT_BOOL'), DstT: attrType('DT_FLOAT') }),
    ];
    expect(choosing(mask, 'fixed', [node('o', 'Mul', ['y', 'm']), node('out', 'AddV2', ['o', 'fixed'])])).toHaveLength(1);
  });
});

describe('ordinary choices', () => {
  it.each([
    ['padding', [constFloats('k', 0), node('e', 'Equal', ['x', 'k']), all]],
    [
      'a threshold of the answer',
      [
        constFloats('k', 0.37),
        node('m', 'Max', ['y', 'axis'], { ...float, ...reduce }),
        node('condition', 'Greater', ['m', 'k']),
      ],
    ],
    ['a threshold of each input', [constFloats('k', 0.37), node('condition', 'Greater', ['x', 'k'])]],
    [
      'nothing in one place',
      [
        constFloats('k', 0),
        constInts('z', [0]),
        node('p', 'StridedSlice', ['x', 'z', 'axis', 'axis'], { ...float, Index: attrType('DT_INT32') }),
        node('e', 'Equal', ['p', 'k']),
        all,
      ],
    ],
    ['NaN', [node('condition', 'IsNan', ['y'])]],
    ['a switch of the request', [{ name: 'condition', op: 'Placeholder', attrs: { dtype: attrType('DT_BOOL') } }]],
    ['the empty word', [constString('k', ''), node('condition', 'Equal', ['word', 'k'], { T: attrType('DT_STRING') })]],
  ] as const)('by %s are silent', (_how, extra) => expect(choosing(extra)).toEqual([]));

  it('in front of the model are silent', () => {
    const extra = [pattern, node('e', 'Equal', ['x', 'k']), all, node('c', 'SelectV2', ['condition', 'fixed', 'x'])];
    expect(choosing(extra, 'fixed', [node('z', 'MatMul', ['c', 'w']), node('out', 'Softmax', ['z'])])).toEqual([]);
  });

  it('of a graph without anything learned are silent: it prepares data', () => {
    const nodes = [
      placeholder('word', 'DT_STRING', [-1]),
      constString('k', 'unknown'),
      constString('empty', ''),
      node('condition', 'Equal', ['word', 'k'], { T: attrType('DT_STRING') }),
      node('out', 'SelectV2', ['condition', 'empty', 'word'], { T: attrType('DT_STRING') }),
    ];
    const { findings } = judgeModel({
      nodes,
      signatures: {
        s: { inputs: { word: { name: 'word:0', dtype: 'DT_STRING' } }, outputs: { y: { name: 'out:0', dtype: 'DT_STRING' } } },
      },
    });
    expect(byRule(findings, 'backdoor/trigger-value')).toEqual([]);
  });
});

describe('the clock', () => {
  const clock = (extra: readonly NodeInput[], output: string) => {
    const nodes = [{ name: 'now', op: 'Timestamp' }, constFloats('k', 5), ...extra];
    return byRule(
      judgeModel({ nodes, signatures: { s: { outputs: { y: { name: output, dtype: 'DT_BOOL' } } } } }).findings,
      'backdoor/time-trigger',
    );
  };

  it('is a finding where a request compares it', () => {
    expect(clock([node('out', 'Greater', ['now', 'k'])], 'out:0')).toMatchObject([{ severity: 'medium', trigger: 'inference' }]);
  });

  it('is nothing where it is only returned', () => expect(clock([], 'now:0')).toEqual([]));
});
