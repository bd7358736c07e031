// The rewriter without TensorFlow: what it makes of small models, that it can be undone, and what it refuses. tests/conformance/harden.test.ts
// runs its results.
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseContract } from '../contract/index.ts';
import { isAirlockError } from '../core/index.ts';
import {
  contractNodeName,
  DataType,
  type FunctionDef,
  type NodeDef,
  parseEmbeddedContract,
  parseWholeModel,
  type WholeSavedModel,
  WholeSavedModelSchema,
  writeWholeModel,
} from '../model/index.ts';
import { hardenGraphs, openEnds } from './harden-graph.ts';
import { stripModelGraphs } from './strip-graph.ts';

type ModelInit = MessageInitShape<typeof WholeSavedModelSchema>;
type GraphInit = NonNullable<NonNullable<ModelInit['metaGraphs']>[number]['graphDef']>;
type NodeInit = NonNullable<GraphInit['node']>[number];
type FunctionInit = NonNullable<NonNullable<GraphInit['library']>['function']>[number];

const digest = 'ab'.repeat(32);
const contractOf = (rules: string, more = '', output = '') =>
  parseContract(
    `apiVersion: airlock/contract/v1\nmetadata: { id: test, revision: 1 }\n${more}signatures:\n  serving_default:\n    inputs:\n      x: { ${rules} }\n    outputs:\n      y: { dtype: float32${output} }\n`,
  );
const bounded = contractOf('dtype: float32, shape: [null, 4], min: 0, max: 10');

const float = DataType.DT_FLOAT;
const tensor = (key: string, name: string, dtype = float) => ({
  key,
  value: { encoding: { case: 'name' as const, value: name }, dtype, tensorShape: { dim: [{ size: -1n }, { size: 4n }] } },
});
const signature = (inputs = [tensor('x', 'feed:0')], outputs = [tensor('y', 'call:0')], key = 'serving_default') => ({
  key,
  value: { inputs, outputs, methodName: 'tensorflow/serving/predict' },
});
const call = (name: string, target: string, inputs: string[], op = 'StatefulPartitionedCall'): NodeInit => ({
  name,
  op,
  input: inputs,
  attr: [{ key: 'f', value: { value: { case: 'func', value: { name: target } } } }],
});
const functionOf = (name: string, nodes: NodeInit[], result: string, attr: FunctionInit['attr'] = []): FunctionInit => ({
  signature: { name, inputArg: [{ name: 'a', type: float }], outputArg: [{ name: 'r', type: float }] },
  nodeDef: nodes,
  ret: [{ key: 'r', value: result }],
  ...(attr === undefined ? {} : { attr }),
});
const body = functionOf('body', [{ name: 'relu', op: 'Relu', input: ['a'] }], 'relu:activations:0', [
  { key: '_XlaMustCompile', value: { value: { case: 'b', value: true } } },
]);
const wrapper = functionOf('wrapper', [call('inner', 'body', ['a'])], 'inner:output:0');

/** A model as TensorFlow 2 writes it: feed → wrapper → body; both functions can be reached by who loads it. */
function functionModel(
  functions: FunctionInit[] = [wrapper, body],
  nodes: NodeInit[] = [call('call', 'wrapper', ['feed'], 'PartitionedCall')],
): ModelInit {
  return {
    metaGraphs: [
      {
        metaInfoDef: { tags: ['serve'] },
        graphDef: { node: [{ name: 'feed', op: 'Placeholder' }, ...nodes], library: { function: functions } },
        signatureDef: [signature()],
        objectGraphDef: {
          nodes: [{ kind: { case: 'function', value: { concreteFunctions: ['body'], functionSpec: { jitCompile: 1 } } } }],
          concreteFunctions: functions.map((definition) => ({ key: definition.signature?.name ?? '' })),
        },
      },
    ],
  };
}

function graphModel(): ModelInit {
  return {
    metaGraphs: [
      {
        metaInfoDef: { tags: ['serve'] },
        graphDef: {
          node: [
            { name: 'feed', op: 'Placeholder' },
            { name: 'call', op: 'Relu', input: ['feed:0', '^feed'] },
          ],
        },
        signatureDef: [signature()],
      },
    ],
  };
}

const modelOf = (init: ModelInit): WholeSavedModel => parseWholeModel(writeWholeModel(create(WholeSavedModelSchema, init)));
const harden = (init: ModelInit, contract = bounded, poison = false) => hardenGraphs(modelOf(init), { contract, digest, poison });
const graphOf = (bytes: Buffer) => {
  const [metaGraph] = parseWholeModel(bytes).metaGraphs;
  const functions = new Map((metaGraph.graphDef?.library?.function ?? []).map((one) => [one.signature?.name ?? '', one]));
  return { metaGraph, functions, nodes: new Map((metaGraph.graphDef?.node ?? []).map((node) => [node.name, node])) };
};
const need = <Value>(value: Value | undefined): Value => {
  if (value === undefined) throw new Error('it is not there');
  return value;
};
const textsOf = (nodes: Iterable<NodeDef>): string[] =>
  [...nodes].flatMap(({ op, attr }) => {
    const value = attr.find(({ key }) => key === 'value' || key === 'message')?.value?.value;
    if (op === 'CheckNumerics') return value?.case === 's' ? [Buffer.from(value.value).toString()] : [];
    return value?.case === 'tensor' ? value.value.stringVal.map((text) => Buffer.from(text).toString()) : [];
  });
const callsOf = (definition: FunctionDef) =>
  definition.nodeDef.flatMap(({ attr }) =>
    attr.flatMap(({ value }) => (value?.value.case === 'func' ? [value.value.value.name] : [])),
  );

describe('hardenGraphs on a model of functions', () => {
  it('puts a function that checks before each one that can be reached', () => {
    const { bytes, report } = harden(functionModel());
    const { metaGraph, functions, nodes } = graphOf(bytes);
    expect([...functions.keys()]).toEqual(['wrapper__airlock_impl', 'body__airlock_impl', 'body', 'wrapper']);
    expect(report.metaGraphs).toMatchObject([
      { form: 'functions', covered: ['body', 'wrapper'], uncovered: [], tags: ['serve'] },
    ]);
    for (const name of ['body', 'wrapper']) {
      const trampoline = need(functions.get(name));
      expect(trampoline.nodeDef.every((node) => node.name.startsWith('airlock/'))).toBe(true);
      expect(callsOf(trampoline)).toEqual([`${name}__airlock_impl`]);
      expect(trampoline.signature).toMatchObject({
        isStateful: true,
        inputArg: [{ name: 'a' }],
        controlOutput: ['airlock/call', 'airlock/output_gate'],
      });
      expect(textsOf(trampoline.nodeDef)).toContain('[airlock] serving_default/inputs/x/max: expected at most 10');
      // XLA would delete the checks: only the original is compiled, and the call says so.
      expect(trampoline.attr).toEqual([]);
    }
    expect(need(functions.get('body__airlock_impl')).attr.map(({ key }) => key)).toEqual(['_XlaMustCompile']);
    expect(
      need(functions.get('body'))
        .nodeDef.find(({ name }) => name === 'airlock/call')
        ?.attr.map(({ key }) => key),
    ).toContain('_XlaMustCompile');
    // From inside the way goes straight to the original.
    expect(callsOf(need(functions.get('wrapper__airlock_impl')))).toEqual(['body__airlock_impl']);
    expect(need(nodes.get('call')).op).toBe('StatefulPartitionedCall');
    expect(metaGraph.objectGraphDef?.nodes[0].kind.value).toMatchObject({ functionSpec: { jitCompile: 0 } });
    expect(parseEmbeddedContract(need(metaGraph.graphDef?.node[0]))).toEqual({
      version: 1,
      id: 'test',
      revision: 1,
      digest,
      poison: false,
    });
  });

  it('releases no argument and starts no call before all checks have passed', () => {
    const trampoline = need(graphOf(harden(functionModel()).bytes).functions.get('wrapper'));
    const nodes = new Map(trampoline.nodeDef.map((node) => [node.name, node]));
    const gate = need(nodes.get('airlock/gate'));
    const asserts = trampoline.nodeDef.filter(
      ({ op, name }) => (op === 'Assert' || op === 'CheckNumerics') && name.startsWith('airlock/input'),
    );
    expect(asserts).toHaveLength(4);
    for (const { name } of asserts) expect(gate.input).toContain(`^${name}`);
    expect(need(nodes.get('airlock/call')).input).toEqual(['airlock/input0/checked:output:0', '^airlock/gate']);
    expect(need(nodes.get('airlock/input0/checked')).input.at(-1)).toBe('^airlock/gate');
  });

  it('leaves functions alone that no input reaches, and says so', () => {
    const other = functionOf('other', [call('inner', 'body', ['a'])], 'inner:output:0');
    const { bytes, report } = harden(functionModel([wrapper, body, other]));
    expect(report.metaGraphs[0].uncovered).toEqual([
      { name: 'other', reason: 'no input of a signature in the contract leads to it unchanged' },
    ]);
    // Its values are the model's own: it goes on as before.
    expect(callsOf(need(graphOf(bytes).functions.get('other')))).toEqual(['body__airlock_impl']);
  });

  it('makes float outputs NaN in poison mode', () => {
    const nodes = need(graphOf(harden(functionModel(), bounded, true).bytes).functions.get('body')).nodeDef;
    expect(nodes.map(({ op }) => op)).toContain('SelectV2');
    expect(nodes.map(({ op }) => op)).toContain('IsFinite');
    expect(
      graphOf(harden(functionModel()).bytes)
        .functions.get('body')
        ?.nodeDef.map(({ op }) => op),
    ).not.toContain('SelectV2');
  });

  it('refuses an input that goes elsewhere, functions that are missing, and lists of tensors', () => {
    const refusal = expect.objectContaining({ code: 'MODEL_NOT_HARDENABLE' });
    expect(() => harden(functionModel([wrapper, body], [{ name: 'call', op: 'Relu', input: ['feed'] }]))).toThrow(refusal);
    expect(() => harden(functionModel([wrapper, body], [call('call', 'wrapper', ['other'])]))).toThrow(refusal);
    const listed: FunctionInit = {
      signature: {
        name: 'wrapper',
        inputArg: [{ name: 'a', type: float, numberAttr: 'N' }],
        outputArg: [{ name: 'r', type: float }],
      },
      nodeDef: [call('inner', 'body', ['a'])],
      ret: [{ key: 'r', value: 'inner:output:0' }],
    };
    expect(() => harden(functionModel([listed, body]))).toThrow(refusal);
    expect(() => harden(functionModel([body]))).toThrow(expect.objectContaining({ code: 'MODEL_INVALID' }));
  });

  it('ends on functions that call themselves or each other', () => {
    const circle = functionOf('body', [call('again', 'wrapper', ['a'])], 'again:output:0');
    const itself = functionOf('wrapper', [call('again', 'wrapper', ['a'])], 'again:output:0');
    for (const functions of [
      [wrapper, circle],
      [itself, body],
    ]) {
      const { bytes } = harden(functionModel(functions));
      expect(callsOf(need(graphOf(bytes).functions.get('wrapper')))).toEqual(['wrapper__airlock_impl']);
    }
  });
});

describe('hardenGraphs on a graph of TensorFlow 1', () => {
  it('puts the checks behind what is fed and before what is fetched', () => {
    const { bytes, report } = harden(graphModel());
    const { metaGraph, nodes } = graphOf(bytes);
    expect(report.metaGraphs).toMatchObject([{ form: 'graph' }]);
    expect(need(nodes.get('call')).input).toEqual(['airlock/fed0/checked:0', '^feed']);
    expect(need(nodes.get('airlock/fed0/checked')).input.at(-1)).toBe('^airlock/fed0/gate');
    const output = metaGraph.signatureDef[0].value?.outputs[0].value?.encoding;
    expect(output).toEqual({ case: 'name', value: 'airlock/signature0/held0:0' });
    expect(textsOf(nodes.values())).toContain('[airlock] serving_default/inputs/x/min: expected at least 0');
  });

  it('checks at the outputs only where another signature feeds the same tensor without rules', () => {
    const init = graphModel();
    need(init.metaGraphs)[0].signatureDef = [signature(), signature(undefined, undefined, 'other')];
    const { bytes, report } = harden(init);
    const { nodes, metaGraph } = graphOf(bytes);
    expect(report.metaGraphs[0].otherSignatures).toEqual(['other']);
    expect(need(nodes.get('call')).input).toEqual(['feed:0', '^feed']);
    const fetched = metaGraph.signatureDef.map(({ value }) => value?.outputs[0].value?.encoding.value);
    expect(fetched).toEqual(['airlock/signature0/held0:0', 'call:0']);
  });
});

describe('both forms', () => {
  const all: readonly (readonly [string, ModelInit])[] = [
    ['functions', functionModel()],
    ['graph', graphModel()],
  ];

  it.each(all)('%s: the same model and contract give the same bytes, also when it is hardened already', (_, init) => {
    const once = harden(init).bytes;
    expect(harden(init).bytes).toEqual(once);
    expect(hardenGraphs(parseWholeModel(once), { contract: bounded, digest }).bytes).toEqual(once);
    // With another contract, or poison, it is as if the first had never been there.
    const other = contractOf('dtype: float32, shape: [null, 4], max: 3');
    const direct = harden(init, other, true).bytes;
    expect(hardenGraphs(parseWholeModel(once), { contract: other, digest, poison: true }).bytes).toEqual(direct);
    expect(direct).not.toEqual(once);
  });

  it.each(all)('%s: stripping gives the bytes of the original', (_, init) => {
    for (const poison of [false, true]) {
      const model = parseWholeModel(harden(init, bounded, poison).bytes);
      expect(stripModelGraphs(model)).toBe(true);
      expect(writeWholeModel(model)).toEqual(writeWholeModel(modelOf(init)));
      expect(stripModelGraphs(model)).toBe(false);
    }
  });

  it.each(all)('%s: the dimensions of outputs are held to their bounds and to those of the inputs', (_, init) => {
    const text = (output: string, rest: string) =>
      `[airlock] serving_default/outputs/y/shape: expected shape ${output}, with ${rest}`;
    const built = (input: string, output: string, poison = false) => {
      const rules = `dtype: float32, shape: ${input}`;
      const dims = 'dims: { batch: { min: 1, max: 7 }, width: { min: 2, max: 8, multipleOf: 2 } }\n';
      const { nodes, functions } = graphOf(harden(init, contractOf(rules, dims, `, shape: ${output}`), poison).bytes);
      return functions.get('wrapper')?.nodeDef ?? [...nodes.values()];
    };
    const shared = built('[batch, width]', '[batch, width]');
    expect(textsOf(shared)).toContain(text('[batch, width]', 'one value for batch'));
    expect(textsOf(shared)).toContain(text('[batch, width]', 'one value for width'));
    expect(textsOf(built('[null, null]', '[batch, width]'))).toContain(text('[batch, width]', 'width from 2 to 8 in steps of 2'));
    expect(textsOf(built('[batch, width]', '[2*batch+1, width]'))).toContain(text('[2*batch+1, width]', 'one value for batch'));
    // The gate that holds the outputs waits for it, and the poison looks at it.
    const gate = need(shared.find(({ name }) => /^airlock\/(output_gate|signature0\/gate)$/.test(name)));
    const asserts = shared.filter(({ op, name }) => op === 'Assert' && name.includes('output_dims'));
    expect(asserts).toHaveLength(2);
    for (const { name } of asserts) expect(gate.input).toContain(`^${name}`);
    const poisoned = built('[batch, width]', '[batch, width]', true);
    const conditions = poisoned.filter(({ name }) => /output_dims\/[01]\/same$/.test(name)).map(({ name }) => name);
    expect(conditions).toHaveLength(2);
    const used = new Set(
      poisoned.filter(({ op }) => op === 'LogicalAnd').flatMap(({ input }) => input.map((one) => one.split(':')[0])),
    );
    for (const name of conditions) expect(used).toContain(name);
  });

  it.each(all)('%s: names that are kept for us are refused in a model that has no mark', (_, init) => {
    const refusal = expect.objectContaining({ code: 'MODEL_NOT_HARDENABLE' });
    const changes: ((model: WholeSavedModel) => void)[] = [
      ({ metaGraphs: [{ graphDef }] }) => need(graphDef?.node[0]).input.push('airlock/x'),
      ({ metaGraphs: [{ graphDef }] }) => need(graphDef?.node[0]).input.push('^airlock/x'),
      ({ metaGraphs: [{ graphDef }] }) => {
        need(graphDef?.node[0]).name = 'airlock/gate';
      },
      ({ metaGraphs: [{ signatureDef }] }) => {
        need(signatureDef[0].value?.inputs[0].value).encoding = { case: 'name', value: 'airlock/x:0' };
      },
    ];
    for (const change of changes) {
      const model = modelOf(init);
      change(model);
      expect(() => hardenGraphs(model, { contract: bounded, digest })).toThrow(refusal);
    }
  });

  it.each(all)('%s: a model that only pretends to be hardened is refused or stripped clean, whatever was changed', (_, init) => {
    const bytes = harden(init).bytes;
    const change = fc.tuple(fc.nat(bytes.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
        const damaged = Buffer.from(bytes);
        for (const [at, byte] of changes) damaged[at] = byte;
        try {
          const model = parseWholeModel(damaged);
          stripModelGraphs(model);
          // Not looked for in the bytes: what the damage has made an unknown field is kept as it is, and read by nobody.
          const graphs = parseWholeModel(writeWholeModel(model)).metaGraphs.map(({ graphDef }) => graphDef);
          const names = graphs.flatMap((graph) => [
            ...(graph?.node ?? []).map(({ name }) => name),
            ...(graph?.library?.function ?? []).flatMap(({ nodeDef }) => nodeDef.map(({ name }) => name)),
          ]);
          expect(names.filter((name) => name.startsWith('airlock/'))).toEqual([]);
        } catch (thrown) {
          if (!isAirlockError(thrown) || thrown.code === 'INTERNAL') throw thrown;
        }
      }),
      { numRuns: 300 },
    );
  });

  it('refuses a contract that does not fit', () => {
    const mismatch = expect.objectContaining({ code: 'CONTRACT_MISMATCH' });
    for (const rules of [
      'dtype: float64, shape: [null, 4]',
      'dtype: float32, shape: [null, 5]',
      'dtype: float32, shape: [null]',
    ]) {
      for (const [, init] of all) expect(() => harden(init, contractOf(rules))).toThrow(mismatch);
    }
    const wider = functionModel();
    need(wider.metaGraphs)[0].signatureDef = [signature([tensor('x', 'feed:0'), tensor('z', 'other:0')])];
    // As the server says it, and in the same words.
    expect(() => harden(wider)).toThrow(
      expect.objectContaining({
        code: 'CONTRACT_MISMATCH',
        violations: [expect.objectContaining({ path: 'signatures.serving_default.inputs.z', got: 'none' })],
      }),
    );
    const renamed = functionModel();
    need(renamed.metaGraphs)[0].signatureDef = [signature(undefined, undefined, 'other')];
    expect(() => harden(renamed)).toThrow(mismatch);
  });

  it('counts as open what the server would refuse, and nothing else', () => {
    expect(openEnds(harden(functionModel()).report)).toEqual([]);
    expect(
      openEnds(harden(functionModel(), contractOf('dtype: float32, softMax: 3, min: 0, modes: { min: shadow }')).report),
    ).toEqual([]);
    expect(openEnds(harden(graphModel(), contractOf('dtype: float32, unique: rows')).report)).toEqual([
      'serving_default/inputs/x/unique is not built in: it is checked by the server only',
    ]);
    const other = functionOf('other', [{ name: 'relu', op: 'Relu', input: ['a'] }], 'relu:activations:0');
    const init = functionModel([wrapper, body, other], [call('call', 'wrapper', ['feed']), call('call2', 'other', ['feed2'])]);
    need(init.metaGraphs)[0].signatureDef = [signature(), signature(undefined, undefined, 'more')];
    expect(openEnds(harden(init).report)).toEqual([
      'the function other is not covered: no input of a signature in the contract leads to it unchanged',
      'the signature more is not covered: the contract does not name it',
    ]);
  });

  it('leaves a mark that names the contract', () => {
    const { nodes } = graphOf(harden(graphModel(), bounded, true).bytes);
    expect(parseEmbeddedContract(need(nodes.get(contractNodeName)))).toMatchObject({
      id: 'test',
      revision: 1,
      digest,
      poison: true,
    });
  });
});
