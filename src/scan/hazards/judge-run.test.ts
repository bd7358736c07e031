// What is dangerous to run: code, networks, locks, sleep, custom operations, devices, crashes, and graphs in strings.
import { describe, expect, it } from 'vitest';
import {
  attrFunc,
  attrInt,
  attrString,
  attrStrings,
  attrType,
  attrTypes,
  constInts,
  constString,
  graphDef,
  placeholder,
} from '../../../tests/support/graph-builder.ts';
import { answering, byRule, identity, judgeGraph, judgeMeta, judgeModel, refusing } from '../../../tests/support/hazard-cases.ts';

const found = (op: string, rest: object, ruleId: string) =>
  byRule(judgeGraph([constString('s', 'evil:80'), { name: 'n', op, ...rest }]).findings, ruleId);

describe('what is dangerous to run', () => {
  it.each([
    ['PyFunc', { attrs: { token: attrString('pyfunc_7') } }, 'code-execution/python', 'critical', 'pyfunc_7'],
    ['Abort', { attrs: { error_msg: attrString('bye') } }, 'crash/abort', 'critical', 'bye'],
    ['RpcClient', { inputs: ['s', 's'] }, 'network/op', 'critical', 'evil:80'],
    ['RegisterDatasetV2', { inputs: ['s', 's', 's'] }, 'network/op', 'critical', 'evil:80'],
    ['FileSystemSetConfiguration', { inputs: ['s', 's', 's'] }, 'configuration/file-system', 'high', 'evil:80'],
    ['ShutdownDistributedTPU', {}, 'configuration/accelerator', 'high', 'TPU'],
    ['XlaCustomCallV2', { attrs: { call_target_name: attrString('system') } }, 'code-execution/native-call', 'high', 'system'],
    ['XlaHostCompute', { attrs: { key: attrString('k') } }, 'code-execution/host-callback', 'high', 'k'],
    ['_Recv', { attrs: { send_device: attrString('/job:x') } }, 'network/rendezvous', 'high', '/job:x'],
    ['GetSessionTensor', { inputs: ['s'] }, 'cross-model/handle', 'medium', 'evil:80'],
    ['MutexLock', { inputs: ['s'] }, 'hang/lock', 'medium', 'lock'],
    ['TRTEngineOp', {}, 'code-execution/serialized-engine', 'high', 'engine'],
    ['EvilOp', {}, 'custom-op/unknown', 'high', '2.21.0'],
    ['TFText>WhitespaceTokenizeWithOffsetsV2', {}, 'custom-op/known-library', 'medium', 'TensorFlow Text'],
    ['Addons>BitmapA', {}, 'custom-op/known-library', 'medium', 'TensorFlow Addons'],
  ] as const)('%s is found', (op, rest, ruleId, severity, text) => {
    const findings = found(op, rest, ruleId);
    expect(findings).toMatchObject([{ severity, location: { node: 'n', op } }]);
    expect(findings[0]?.message).toContain(text);
  });

  it('says nothing of operations that only compute, call a function of the model or belong to this TensorFlow internally', () => {
    const { findings } = judgeModel(
      answering([placeholder('x', 'DT_STRING', []), { name: 'out', op: 'f', inputs: ['x'] }], {
        functions: [
          {
            name: 'f',
            args: [{ name: 'a', type: 'DT_STRING' }],
            outputs: [{ name: 'y', type: 'DT_STRING' }],
            nodes: [identity('i', 'a')],
            ret: { y: 'i:output:0' },
          },
        ],
      }),
    );
    expect(findings).toEqual([]);
  });

  it('lowers what is called as a function only, and what nobody reaches', () => {
    const nodes = [constString('out', 'x'), { name: 'n', op: 'PyFunc', attrs: { token: attrString('t') } }];
    expect(byRule(judgeModel(answering(nodes)).findings, 'code-execution/python')).toMatchObject([
      { severity: 'low', trigger: 'none' },
    ]);
    const collection = judgeModel(answering(nodes, { collections: { train_op: ['n'] } })).findings;
    expect(byRule(collection, 'code-execution/python')).toMatchObject([{ severity: 'high', trigger: 'api' }]);
  });

  it('reports one finding for several triggers and names the others', () => {
    const nodes = [{ name: 'out', op: 'Abort' }];
    const [finding] = byRule(
      judgeModel(answering(nodes, { collections: { saved_model_main_op: ['out'] } })).findings,
      'crash/abort',
    );
    expect(finding?.trigger).toBe('load');
    expect(finding?.message).toContain('when the model is loaded; also by inference');
  });
});

describe('remote calls, devices and sleep', () => {
  const remote = (target: string) => found('RemoteCall', { inputs: ['t', 's'], attrs: { f: attrFunc('f') } }, target);

  it('tells a local device from another machine', () => {
    const judged = (target: string) =>
      byRule(
        judgeGraph([constString('t', target), { name: 'n', op: 'RemoteCall', inputs: ['t'] }]).findings,
        'network/remote-call',
      )[0]?.severity;
    expect(judged('/job:evil/task:3/cpu:0')).toBe('high');
    expect(judged('/job:localhost/replica:0/task:0/device:CPU:0')).toBe('low');
    expect(judged('/device:GPU:1')).toBe('low');
    expect(remote('network/remote-call')).toHaveLength(1);
  });

  it.each(['/job:evil/task:0', '/job:localhost/task:3', '/job:worker/replica:2'])('reports the device %s once', (device) => {
    const nodes = ['a', 'b'].map((name) => ({ ...constString(name, 'x'), device }));
    const findings = byRule(judgeModel(answering([...nodes, identity('out', 'a')])).findings, 'network/device');
    expect(findings).toHaveLength(1);
    expect(refusing(findings)).toHaveLength(1);
  });

  it.each(['', '/cpu:0', '/device:GPU:0', '/job:localhost/replica:0/task:0/device:CPU:0'])(
    'is silent for the device "%s"',
    (device) => {
      expect(byRule(judgeModel(answering([{ ...constString('out', 'x'), device }])).findings, 'network/device')).toEqual([]);
    },
  );

  it('judges sleep by its length', () => {
    const sleep = (microseconds: number) =>
      byRule(
        judgeGraph([constInts('t', microseconds, { dtype: 'DT_INT64' }), { name: 'n', op: 'SleepDataset', inputs: ['t', 't'] }])
          .findings,
        'hang/sleep',
      )[0]?.severity;
    expect([sleep(1000), sleep(5_000_000)]).toEqual(['low', 'medium']);
  });
});

describe('functions that call themselves', () => {
  it('are critical when the model is loaded, also when nothing calls them', () => {
    const inner = {
      name: 'c',
      op: 'PartitionedCall',
      inputs: ['a'],
      attrs: { f: attrFunc('f'), Tin: attrTypes(['DT_FLOAT']), Tout: attrTypes(['DT_FLOAT']) },
    };
    const { findings } = judgeModel(
      answering([constString('out', 'x')], { functions: [{ name: 'f', args: ['a'], nodes: [inner], ret: { y: 'c:output:0' } }] }),
    );
    expect(byRule(findings, 'crash/recursive-function')).toMatchObject([{ severity: 'critical', trigger: 'load' }]);
    expect(findings[0]?.message).toContain('f calls itself, by PartitionedCall "c"');
  });
});

describe('waiting', () => {
  const queue = { name: 'q', op: 'FIFOQueueV2', attrs: { component_types: attrTypes(['DT_STRING']), capacity: attrInt(4) } };
  const types = { component_types: attrTypes(['DT_STRING']) };
  const take = { name: 'out', op: 'QueueDequeueV2', inputs: ['q'], attrs: types };
  const give = { name: 'give', op: 'QueueEnqueueV2', inputs: ['q', 's'], attrs: { Tcomponents: attrTypes(['DT_STRING']) } };
  const text = constString('s', 'x');
  const blocking = (nodes: Parameters<typeof answering>[0], more = {}) =>
    byRule(judgeModel(answering(nodes, more)).findings, 'hang/blocking-op').map(({ severity }) => severity);

  it('is a finding for a queue that nothing fills in the same call', () => {
    expect(blocking([queue, take])).toEqual(['high']);
    expect(blocking([queue, take, text, give])).toEqual(['high']);
    expect(blocking([queue, take, text, give], { collections: { train_op: ['give'] } })).toEqual(['high']);
    expect(blocking([queue, { ...take, inputs: ['q', '^give'] }, text, give])).toEqual(['low']);
  });

  it('is a finding for a bounded queue that nothing empties', () => {
    expect(blocking([queue, text, give, { ...identity('out', 's'), inputs: ['s', '^give'] }])).toEqual(['medium']);
  });

  it.each(['Unstage', 'StagePeek', 'MapUnstage', 'OrderedMapUnstageNoKey', 'BarrierTakeMany', 'AccumulatorTakeGradient'])(
    'is a finding for %s',
    (op) => {
      expect(blocking([{ name: 'out', op, inputs: [] }])).toEqual(['high']);
    },
  );

  it('is of low severity for the queue runners of a MetaGraph that somebody trains', () => {
    const { findings } = judgeMeta({ nodes: [queue, take, text, give] });
    expect(byRule(findings, 'hang/blocking-op').map(({ severity }) => severity)).toEqual(['low']);
  });
});

describe('graphs in strings', () => {
  const nested = graphDef([
    constString('p', '/tmp/x'),
    { name: 'w', op: 'WriteFile', inputs: ['p', 'p'] },
    { name: 'r', op: '_Retval', inputs: ['p', '^w'] },
  ]);
  const runs = (from: string) => ({ name: 'out', op: 'DatasetFromGraph', inputs: [from] });

  it('are judged where an operation runs them', () => {
    const { findings } = judgeModel(answering([constString('g', nested), runs('g')]));
    expect(byRule(findings, 'code-execution/embedded-graph')).toMatchObject([{ severity: 'medium' }]);
    const [write] = byRule(findings, 'file-write/op');
    expect(write).toMatchObject({ severity: 'critical', trigger: 'inference' });
    expect(write?.chain[0]?.via).toBe('signature serving_default');
  });

  it('are judged where the model makes them out of constants', () => {
    const text = Buffer.from(nested).toString('base64url');
    const { findings } = judgeModel(
      answering([constString('g', text), { name: 'd', op: 'DecodeBase64', inputs: ['g'] }, runs('d')]),
    );
    expect(byRule(findings, 'file-write/op')).toMatchObject([{ severity: 'critical' }]);
  });

  it('are a lesser finding where nothing runs them', () => {
    const { findings } = judgeModel(answering([constString('out', nested)]));
    expect(byRule(findings, 'file-write/op')).toMatchObject([{ severity: 'medium', trigger: 'none' }]);
  });

  it('cannot be analysed where a request brings them', () => {
    const { findings } = judgeModel(answering([placeholder('x', 'DT_STRING', []), runs('x')]));
    expect(byRule(findings, 'code-execution/graph-from-string')).toMatchObject([{ severity: 'critical' }]);
  });
});

describe('modules of StableHLO', () => {
  const module = (text: string) =>
    byRule(
      judgeGraph([
        {
          name: 'n',
          op: 'XlaCallModule',
          attrs: { module: attrString(text), platforms: attrStrings(['CPU']), Tin: attrTypes([]) },
        },
      ]).findings,
      'code-execution/module-call',
    );

  it.each([
    ['stablehlo.custom_call @xla_python_cpu_callback(%0)', 'high', 'xla_python_cpu_callback'],
    ['"stablehlo.custom_call"(%0) {call_target_name = "system"}', 'high', 'system'],
    ['ML\u00efR\0custom_call_v1\0main\0xla_ffi_python_cpu_callback\0', 'high', 'xla_ffi_python_cpu_callback'],
    ['stablehlo.custom_call @tf.call_tf_function(%0)', 'medium', 'tf.call_tf_function'],
  ])('are found by their targets: %s', (text, severity, target) => {
    const findings = module(text);
    expect(findings).toMatchObject([{ severity }]);
    expect(findings[0]?.message).toContain(target);
  });

  it.each(['stablehlo.add %0, %1', 'stablehlo.custom_call @Sharding(%0)', 'custom_call_v1\0main\0stablehlo.dynamic_top_k\0'])(
    'are silent for %s',
    (text) => {
      expect(module(text)).toEqual([]);
    },
  );
});

describe('resources of others', () => {
  const variable = (container: string) => ({
    name: 'v',
    op: 'VarHandleOp',
    attrs: {
      dtype: attrType('DT_STRING'),
      shared_name: attrString('victim/w'),
      container: attrString(container),
      shape: attrString(''),
    },
  });
  const read = { name: 'out', op: 'ReadVariableOp', inputs: ['v'], attrs: { dtype: attrType('DT_STRING') } };
  const foreign = (nodes: Parameters<typeof answering>[0], folder = {}) =>
    byRule(judgeModel(answering(nodes), folder).findings, 'cross-model/foreign-resource').length;

  it('are a finding where the model neither makes nor restores them', () => {
    expect(foreign([variable('other'), read])).toBe(1);
    expect(foreign([variable(''), read])).toBe(1);
    expect(foreign([variable(''), read], { variables: new Map([['victim/w', { dtype: 7, shape: [] }]]) })).toBe(0);
    const table = {
      name: 't',
      op: 'HashTableV2',
      attrs: { shared_name: attrString('victim'), key_dtype: attrType('DT_STRING'), value_dtype: attrType('DT_STRING') },
    };
    expect(foreign([table, constString('k', 'x'), { name: 'out', op: 'LookupTableFindV2', inputs: ['t', 'k', 'k'] }])).toBe(1);
  });

  it("are the model's own where something initialises them", () => {
    const assign = { name: 'a', op: 'AssignVariableOp', inputs: ['v', 's'], attrs: { dtype: attrType('DT_STRING') } };
    expect(foreign([variable(''), read, constString('s', 'x'), assign])).toBe(0);
  });
});
