// Graphs whose form is wrong, signatures that do not fit, and savers that do more than save.
import { describe, expect, it } from 'vitest';
import {
  attrBool,
  attrFunc,
  attrInt,
  attrString,
  attrType,
  attrTypes,
  constFloats,
  constInts,
  constString,
  constTensor,
  field,
  placeholder,
  type SignatureInput,
  tensorProto,
} from '../../../tests/support/graph-builder.ts';
import {
  answering,
  byRule,
  call,
  identity,
  judgeGraph,
  judgeMeta,
  judgeModel,
  refusing,
} from '../../../tests/support/hazard-cases.ts';

const float = { T: attrType('DT_FLOAT') };

describe('constants', () => {
  const judged = (content: Uint8Array, shape: readonly number[] = [4]) =>
    byRule(
      judgeGraph([constTensor('c', 'DT_FLOAT', tensorProto('DT_FLOAT', shape, content))]).findings,
      'malformed/const-content',
    );

  it('are a finding where the content has another length than the shape says', () => {
    expect(judged(field(4, Buffer.alloc(12)))[0]?.message).toContain('holds 12 bytes where its shape needs 16');
    expect(judged(field(5, Buffer.alloc(400)))[0]?.message).toContain('holds 100 values where its shape has 4');
    expect(judged(field(4, Buffer.alloc(17)))).toHaveLength(1);
  });

  it('are nothing where it fits, repeats, or is one value for all', () => {
    expect(
      [judged(field(4, Buffer.alloc(16))), judged(field(5, Buffer.alloc(16))), judged(field(5, Buffer.alloc(4)))].flat(),
    ).toEqual([]);
    expect(judged(new Uint8Array())).toEqual([]);
  });

  it('are a finding where the attribute says another type', () => {
    const node = { ...constFloats('c', 1), attrs: { ...constFloats('c', 1).attrs, dtype: attrType('DT_INT32') } };
    expect(byRule(judgeGraph([node]).findings, 'malformed/const-content')).toHaveLength(1);
  });
});

describe('the form of nodes', () => {
  const form = (node: Parameters<typeof judgeGraph>[0][number]) =>
    refusing(judgeGraph([constFloats('c', 1), node]).findings).map((text) => text.split(':')[0]);

  it.each([
    ['too few inputs', { name: 'n', op: 'AddV2', inputs: ['c'], attrs: float }, 'medium malformed/inputs'],
    ['too many inputs', { name: 'n', op: 'Identity', inputs: ['c', 'c'], attrs: float }, 'medium malformed/inputs'],
    [
      'fewer inputs than N',
      { name: 'n', op: 'AddN', inputs: ['c'], attrs: { ...float, N: attrInt(2) } },
      'medium malformed/inputs',
    ],
    ['a missing attribute', { name: 'n', op: 'Identity', inputs: ['c'] }, 'medium malformed/attribute'],
    [
      'an attribute of another kind',
      { name: 'n', op: 'Identity', inputs: ['c'], attrs: { T: attrInt(1) } },
      'medium malformed/attribute',
    ],
    [
      'a function that is not there',
      {
        name: 'n',
        op: 'PartitionedCall',
        inputs: ['c'],
        attrs: { Tin: attrTypes(['DT_FLOAT']), Tout: attrTypes([]), f: attrFunc('gone') },
      },
      'medium malformed/attribute',
    ],
    [
      'an input that is not there',
      { name: 'n', op: 'Identity', inputs: ['gone'], attrs: float },
      'medium malformed/dangling-input',
    ],
    ['a circle', { name: 'n', op: 'Identity', inputs: ['n'], attrs: float }, 'medium malformed/cycle'],
    ['a name that is not allowed', { name: 'n m', op: 'Identity', inputs: ['c'], attrs: float }, 'medium malformed/node-name'],
    ['a name that is there', { name: 'c', op: 'Identity', inputs: ['c'], attrs: float }, 'medium malformed/duplicate-node'],
  ] as const)('is a finding for %s', (_what, node, wanted) => expect(form(node)).toEqual([wanted]));

  it('is nothing for the loops of TensorFlow 1, in any order', () => {
    const loop = [
      { name: 'enter', op: 'Enter', inputs: ['c'], attrs: { ...float, frame_name: attrString('f') } },
      { name: 'merge', op: 'Merge', inputs: ['enter', 'next'], attrs: { ...float, N: attrInt(2) } },
      { name: 'next', op: 'NextIteration', inputs: ['merge'], attrs: float },
    ];
    expect(refusing(judgeGraph([...loop, constFloats('c', 1)]).findings).filter((text) => text.includes('malformed'))).toEqual(
      [],
    );
  });

  it('is nothing for defaults, control inputs and the arguments of a function', () => {
    expect(form({ name: 'n', op: 'MatMul', inputs: ['c', 'c', '^c'], attrs: { ...float, transpose_a: attrBool(true) } })).toEqual(
      [],
    );
  });
});

describe('signatures', () => {
  const judged = (signature: SignatureInput) => {
    const nodes = [
      placeholder('x', 'DT_FLOAT', [-1, 4]),
      { name: 'out', op: 'Identity', inputs: ['x'], attrs: float },
      constFloats('k', 1),
    ];
    const check = { name: 'check', op: 'Equal', inputs: ['x', 'k'], attrs: float };
    const { findings } = judgeModel({ nodes: [...nodes, check], signatures: { serving_default: signature } });
    return findings.map(({ ruleId, severity }) => `${severity} ${ruleId}`);
  };
  const y = { y: { name: 'out:0' } };

  it.each([
    ['fit', { inputs: { x: { name: 'x:0', shape: [-1, 4] } }, outputs: y }, []],
    ['name no tensor', { inputs: { x: 'gone:0' }, outputs: y }, ['medium contract/signature-tensor']],
    ['name an output that is not there', { inputs: { x: 'x:0' }, outputs: { y: 'out:3' } }, ['medium contract/signature-tensor']],
    ['say another type', { inputs: { x: { name: 'x:0', dtype: 'DT_STRING' } }, outputs: y }, ['medium contract/signature-type']],
    ['say another shape', { inputs: { x: { name: 'x:0', shape: [-1, 5] } }, outputs: y }, ['medium contract/signature-type']],
    [
      'say another type of an output',
      { inputs: { x: 'x:0' }, outputs: { y: { name: 'out:0', dtype: 'DT_INT64' } } },
      ['medium contract/signature-type'],
    ],
    ['feed a constant', { inputs: { x: 'k:0' }, outputs: y }, ['medium contract/input-not-placeholder']],
    [
      'feed a check',
      { inputs: { x: { name: 'check:0', dtype: 'DT_BOOL' } }, outputs: y },
      ['medium contract/input-not-placeholder'],
    ],
    ['feed the middle', { inputs: { x: 'out:0' }, outputs: y }, ['low contract/input-not-placeholder']],
    ['name one tensor twice', { inputs: { a: 'x:0', b: 'x:0' }, outputs: y }, ['low contract/alias']],
  ] as const)('that %s', (_what, signature, wanted) => expect(judged(signature)).toEqual(wanted));

  it('may give the serialized examples of classify and regress another type', () => {
    const nodes = [placeholder('x', 'DT_STRING', [-1]), identity('out', 'x')];
    const inputs = { inputs: { name: 'x:0', dtype: 'DT_FLOAT' } };
    const { findings } = judgeModel({
      nodes,
      signatures: {
        s: { inputs, outputs: { y: { name: 'out:0', dtype: 'DT_STRING' } }, methodName: 'tensorflow/serving/regress' },
      },
    });
    expect(refusing(findings)).toEqual([]);
  });

  it('name an initialisation or the tensor of an asset that is not there', () => {
    const { findings } = judgeModel({
      nodes: [constString('out', 'x')],
      signatures: {
        s: { outputs: { y: { name: 'out:0', dtype: 'DT_STRING' } } },
        __saved_model_init_op: { outputs: { __saved_model_init_op: 'gone' } },
      },
      assets: [{ filename: 'vocab.txt', tensorName: 'gone:0' }],
    });
    expect(refusing(findings).map((text) => text.split(':')[0])).toEqual([
      'medium contract/init-op',
      'medium contract/asset-tensor',
    ]);
  });
});

describe('the saver', () => {
  const text = { name: 'p', type: 'DT_STRING' };
  const save = {
    name: 's',
    op: 'SaveV2',
    inputs: ['f:filename:0', 'n:output:0', 'n:output:0'],
    attrs: { dtypes: attrTypes([]) },
  };
  const functions = (first: string) => [
    {
      name: 'save',
      args: [text],
      outputs: [{ name: 'y', type: 'DT_STRING' }],
      nodes: [
        constString('n', []),
        constString('part', '_temp/part'),
        constString('evil', '/srv/other'),
        { name: 'j', op: 'StringJoin', inputs: [first, 'part:output:0'], attrs: { N: attrInt(2) } },
        { name: 'f', op: 'ShardedFilename', inputs: ['j:output:0', 'n:output:0', 'n:output:0'] },
        save,
        { name: 'm', op: 'MergeV2Checkpoints', inputs: ['f:filename:0', 'p', '^s'] },
        identity('i', 'p'),
      ],
      ret: { y: 'i:output:0' },
      controlRet: ['m'],
    },
  ];
  const saver = { filenameTensor: 'name:0', saveTensor: 'save_call:0', restoreOp: '' };
  const nodes = [placeholder('name', 'DT_STRING', []), call('save_call', 'save', ['name'], ['DT_STRING'], ['DT_STRING'])];
  const rules = (model: Parameters<typeof judgeModel>[0]) => refusing(judgeModel(model).findings).map((one) => one.split(':')[0]);

  it('may save where its own file name says', () => {
    expect(rules(answering([...nodes, constString('out', 'x')], { saver, functions: functions('p') }))).toEqual([]);
  });

  it('may not save elsewhere', () => {
    expect(rules(answering([...nodes, constString('out', 'x')], { saver, functions: functions('evil:output:0') }))).toEqual([
      'high file-write/save',
      'high file-delete/merge',
    ]);
  });

  it('may append a part of the file name, and lead to no other folder', () => {
    const elsewhere = functions('p').map((one) => ({
      ...one,
      nodes: one.nodes.map((node) => (node.name === 'part' ? constString('part', '/../../other/x') : node)),
    }));
    const model = answering([...nodes, constString('out', 'x')], { saver, functions: elsewhere });
    expect(rules(model)).toEqual(['high file-write/save', 'high file-delete/merge']);
  });

  it('may not restore for a request', () => {
    const model = answering(
      [
        placeholder('name', 'DT_STRING', []),
        constString('n', ['v']),
        { name: 'out', op: 'RestoreV2', inputs: ['name', 'n', 'n'], attrs: { dtypes: attrTypes(['DT_STRING']) } },
      ],
      { saver: { ...saver, saveTensor: 'n:0', restoreOp: 'out' } },
    );
    expect(rules(model)).toEqual(['high file-read/restore']);
  });

  it('may not run for a request', () => {
    const model = answering([...nodes, identity('out', 'save_call')], { saver, functions: functions('p') });
    expect(rules(model)).toEqual(['critical file-write/save', 'critical file-delete/merge']);
  });

  it('may restore when the model is loaded, from nowhere but its own file', () => {
    const restore = (from: string) =>
      answering(
        [
          placeholder('name', 'DT_STRING', []),
          constString('evil', '/srv/other/variables'),
          constString('part', 'part'),
          constString('n', ['v']),
          { name: 'r', op: 'RestoreV2', inputs: [from, 'n', 'n'], attrs: { dtypes: attrTypes(['DT_STRING']) } },
          { name: 'all', op: 'NoOp', inputs: ['^r'] },
          constString('out', 'x'),
        ],
        { saver: { filenameTensor: 'name:0', saveTensor: '', restoreOp: 'all' } },
      );
    expect(rules(restore('name'))).toEqual([]);
    expect(rules(restore('evil'))).toEqual(['high file-read/restore']);
    expect(rules(restore('part'))).toEqual(['high file-read/restore']);
  });

  it('of TensorFlow 1 may have a constant for its file name', () => {
    const old = [
      constString('save/Const', 'model'),
      constString('part', '_temp_54fad5ae87d9453a84cf16e721fe825d/part'),
      constInts('zero', 0),
      constString('n', ['v']),
      { name: 'j', op: 'StringJoin', inputs: ['save/Const', 'part'], attrs: { N: attrInt(2) } },
      { name: 'f', op: 'ShardedFilename', inputs: ['j', 'zero', 'zero'] },
      { name: 's', op: 'SaveV2', inputs: ['f', 'n', 'n'], attrs: { dtypes: attrTypes([]) } },
      { name: 'pack', op: 'Pack', inputs: ['f', '^s'], attrs: { T: attrType('DT_STRING'), N: attrInt(1) } },
      { name: 'm', op: 'MergeV2Checkpoints', inputs: ['pack', 'save/Const'] },
      { ...identity('id', 'save/Const'), inputs: ['save/Const', '^m'] },
      constString('out', 'x'),
    ];
    const named = { filenameTensor: 'save/Const:0', saveTensor: 'id:0', restoreOp: '' };
    expect(rules(answering(old, { saver: named }))).toEqual([]);
  });

  it('is left over in a graph of TensorFlow 1', () => {
    const left = [
      constString('save/filename/input', 'model'),
      {
        name: 'save/filename',
        op: 'PlaceholderWithDefault',
        inputs: ['save/filename/input'],
        attrs: { dtype: attrType('DT_STRING'), shape: attrString('') },
      },
      constString('n', ['v']),
      { name: 'save/SaveV2', op: 'SaveV2', inputs: ['save/filename', 'n', 'n'], attrs: { dtypes: attrTypes([]) } },
    ];
    expect(byRule(judgeMeta({ nodes: left }).findings, 'file-write/save')).toEqual([]);
    expect(byRule(judgeGraph(left).findings, 'file-write/save')).toEqual([]);
    const evil = [constString('save/filename', '/etc/cron.d/x'), ...left.slice(2)];
    expect(byRule(judgeMeta({ nodes: evil }).findings, 'file-write/save')).toMatchObject([{ severity: 'critical' }]);
  });
});
