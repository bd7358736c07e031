// A small stand-in for src/scan/values, for tests of one judge at a time: constants, identities and where contents come from; no arithmetic, no
// loops. What it does not know is computed.
import type { Body, Edge, Program } from '../../src/scan/graph/index.ts';
import type { OpRegistry } from '../../src/scan/ops/index.ts';
import type { Constant, ContentOrigin, Value, Values } from '../../src/scan/values/index.ts';

const none: Value = { dtype: undefined, shape: undefined, constants: undefined, origins: new Set() };

function of(origins: Iterable<ContentOrigin>, constants?: readonly Constant[]): Value {
  return { ...none, origins: new Set(origins), constants };
}

function readConstant(body: Body, node: number): Constant | undefined {
  const value = body.attr(node, 'value');
  if (value?.case !== 'tensor') return undefined;
  const tensor = value.value;
  const shape = (tensor.tensorShape?.dim ?? []).map(({ size }) => Number(size));
  const strings = tensor.stringVal.map((bytes) => Buffer.from(bytes));
  if (strings.length > 0) return { shape, strings };
  const numbers = [...tensor.intVal, ...tensor.int64Val.map(Number), ...tensor.floatVal, ...tensor.boolVal.map(Number)];
  return { shape, numbers };
}

const tensorNode = (name: string): string => name.replace(/:\d+$/, '');

/** Values of a program, with calls followed one argument at a time. */
export function plainValues(program: Program, ops: OpRegistry): Values {
  const assets = new Set(program.assetFiles.map(({ tensorName }) => tensorNode(tensorName)));
  const filename = tensorNode(program.saver?.filenameTensor ?? '');

  function argument(body: Body, node: number, depth: number): Value {
    const calls = program.callsTo(body);
    if (calls.length === 0) {
      const isSaver = program.roots.some((root) => root.body === body && root.trigger === 'saver');
      return of([isSaver ? 'saver' : 'request']);
    }
    return join(
      calls.map(({ caller }) => {
        const edge = caller.body.inputs(caller.node)[node];
        return edge === undefined ? of(['computed']) : evaluate(caller.body, edge, depth + 1);
      }),
    );
  }

  function join(values: readonly Value[]): Value {
    const constants = values.every((value) => value.constants !== undefined)
      ? values.flatMap((value) => value.constants ?? [])
      : undefined;
    return of(
      values.flatMap((value) => [...value.origins]),
      values.length === 0 ? undefined : constants,
    );
  }

  function evaluate(body: Body, { node, output }: Edge, depth = 0): Value {
    const op = body.op(node);
    if (depth > 40) return of(['computed']);
    if (body.function === undefined && filename !== '' && body.name(node) === filename) return of(['saver']);
    if (body.function === undefined && assets.has(body.name(node))) return of(['asset']);
    if (node < body.argCount) return argument(body, node, depth);
    const results = program
      .callsFrom(body, node)
      .map(({ callee }) => ({ callee, edge: callee.returns[output ?? 0]?.edge }))
      .flatMap(({ callee, edge }) => (edge === undefined ? [] : [evaluate(callee, edge, depth + 1)]));
    if (results.length > 0) return join(results);
    if (op === 'Const') {
      const constant = readConstant(body, node);
      return of(['constant'], constant === undefined ? undefined : [constant]);
    }
    if (op.startsWith('Placeholder')) return of(['request']);
    if (op === 'ReadVariableOp' || op === 'VariableV2') return of(['variable']);
    if (op === 'ReadFile') return of(['file']);
    const inputs = body.inputs(node).map((edge) => evaluate(body, edge, depth + 1));
    if (op === 'Identity') return join(inputs);
    const joined = new Set(inputs.flatMap((value) => [...value.origins]));
    if (op === 'StringJoin' || op === 'ShardedFilename' || op === 'Pack') return of(joined);
    return of([...joined, 'computed']);
  }

  return {
    of: (body, edge) => evaluate(body, edge),
    input(body, node, index) {
      const edge = body.inputs(node)[index];
      return edge === undefined ? undefined : evaluate(body, edge);
    },
    namedInput(body, node, name) {
      const inputs = ops.get(body.op(node))?.inputs ?? [];
      const place = inputs.findIndex((input) => input.name === name);
      const edge = place === -1 ? undefined : body.inputs(node)[place];
      return edge === undefined ? [] : [evaluate(body, edge)];
    },
  };
}
