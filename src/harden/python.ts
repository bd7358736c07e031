// The contract's checks as a Python module of tf.debugging assertions, for those who build a model and want it to check from the start. The
// same rules as `airlock harden` builds in, and what it leaves out is named in the module.
import { type Contract, contractDigest, dtypeShortName, type SignatureRules, type TensorRules } from '../contract/index.ts';
import { AirlockError, printable } from '../core/index.ts';
import { assertText } from './check-emitter.ts';
import type { CheckText, Comparison, DimBounds, LayoutCheck, TensorChecks, ValueCheck } from './graph-checks.ts';
import { type PlannedRule, planTensor } from './plan-checks.ts';
import { pythonList, pythonNumber, pythonString } from './python-text.ts';

const prelude = `import tensorflow as tf


def _require(condition, text):
    return tf.debugging.Assert(tf.reduce_all(condition), [text], summarize=1)


def _one_of(x, values):
    """True where an element is in the sorted list."""
    places = tf.minimum(tf.searchsorted(values, tf.reshape(x, [-1])), tf.size(values) - 1)
    return tf.equal(tf.gather(values, places), tf.reshape(x, [-1]))


def _after(checks, tensors):
    """The tensors, once every check has passed. Checks that ran already are None."""
    with tf.control_dependencies([check for check in checks if check is not None]):
        return {name: tf.identity(tensor) for name, tensor in tensors.items()}
`;

/**
 * A module with \`check_inputs(inputs)\` and \`check_outputs(outputs)\` for one signature: each takes a dictionary of tensors by name and
 * gives the same tensors, which are there only after all checks have passed. Pure ASCII.
 * @throws SIGNATURE_NOT_FOUND when the contract does not name the signature
 */
export function pythonAssertions(contract: Contract, signatureName: string): string {
  const signature = contract.signatures.get(signatureName);
  if (signature === undefined) {
    throw new AirlockError('SIGNATURE_NOT_FOUND', { message: `The contract has no signature "${printable(signatureName)}"` });
  }
  const { id, revision } = contract.metadata;
  const leftOut: string[] = [];
  const side = (which: 'input' | 'output'): string => {
    const rules = which === 'input' ? signature.inputs : signature.outputs;
    const tensors = [...rules].map(([alias, tensorRules]): PythonTensor => {
      const { checks, rules: planned } = planTensor(contract, `${signatureName}/${which}s/${alias}`, tensorRules);
      leftOut.push(...leftOutOf(planned));
      if (which === 'output' && sharesDims(tensorRules, signature))
        leftOut.push(
          `${signatureName}/outputs/${alias}/shape: only in part: check_outputs does not know the sizes of the inputs`,
        );
      return { alias, checks, place: `${signatureName}/${which}s/${alias}` };
    });
    return checkFunction(which, tensors);
  };
  const functions = [side('input'), side('output')];
  for (const { id: relation } of signature.relations)
    leftOut.push(`${signatureName}/relations/${relation}: it is checked by the server only`);
  const mark = {
    id: pythonString(id),
    revision: String(revision),
    digest: pythonString(contractDigest(contract)),
    signature: pythonString(signatureName),
  };
  const entries = Object.entries(mark).map(([key, value]) => `    ${pythonString(key)}: ${value},`);
  return [
    '# Checks of a contract, as assertions of TensorFlow. Written by `airlock contract export --python`: write it again, do not edit it.',
    ...(leftOut.length === 0 ? [] : ['# Not in this module:']),
    ...leftOut.map((text) => `#   ${comment(text)}`),
    prelude,
    '',
    `CONTRACT = {\n${entries.join('\n')}\n}`,
    '',
    ...functions,
  ].join('\n');
}

/** True when a named dimension of an output is one of an input too. */
function sharesDims({ shape }: TensorRules, { inputs }: SignatureRules): boolean {
  const namesOf = (expressions: TensorRules['shape']) =>
    (expressions ?? []).flatMap((dim) => (dim.kind === 'symbol' ? [dim.name] : []));
  const ofInputs = new Set([...inputs.values()].flatMap((rules) => namesOf(rules.shape)));
  return namesOf(shape).some((name) => ofInputs.has(name));
}

interface PythonTensor {
  readonly alias: string;
  readonly place: string;
  readonly checks: TensorChecks;
}

function leftOutOf(rules: readonly PlannedRule[]): string[] {
  return rules.flatMap(({ ruleId, reason }) => (reason === undefined ? [] : [`${ruleId}: ${reason}`]));
}

/** Text for a comment: no control characters, so it ends with its line; in ASCII, so that no editor or codec reads it otherwise. */
function comment(text: string): string {
  return printable(text, 300).replace(/[^ -~]/gu, '?');
}

const message = (text: CheckText): string => pythonString(assertText(text));

function checkFunction(which: 'input' | 'output', tensors: readonly PythonTensor[]): string {
  const lines = [
    `\ndef check_${which}s(${which}s):`,
    '    """Raises tf.errors.InvalidArgumentError; TypeError or ValueError for what is wrong while a graph is built."""',
    '    checks = []',
  ];
  const variable = (index: number): string => `t${index}`;
  for (const [index, { alias, place, checks }] of tensors.entries()) {
    const name = variable(index);
    lines.push(`    ${name} = ${which}s[${pythonString(alias)}]`);
    const type = dtypeShortName(checks.dtype);
    const text = message({ ruleIds: [`${place}/dtype`], expected: `the type ${type}` });
    lines.push(`    tf.debugging.assert_type(${name}, tf.${type}, message=${text})`);
  }
  lines.push(...shapeLines(tensors, variable));
  const statement = (line: string): void => {
    lines.push(`    ${line}`);
  };
  for (const [index, { checks }] of tensors.entries()) {
    const name = variable(index);
    for (const check of checks.layout) {
      if (check.kind === 'elements')
        statement(`checks.append(_require(tf.size(${name}, tf.int64) <= ${check.max}, ${message(check)}))`);
    }
    for (const check of checks.finite) {
      if (check.kind === 'finite') statement(`${name} = tf.debugging.assert_all_finite(${name}, ${message(check)})`);
      else
        statement(
          `checks.append(_require(~tf.math.${check.kind === 'notNan' ? 'is_nan' : 'is_inf'}(${name}), ${message(check)}))`,
        );
    }
    for (const check of checks.values) statement(`checks.append(${valueLine(name, check)})`);
  }
  const result = tensors.map(({ alias }, index) => `${pythonString(alias)}: ${variable(index)}`);
  lines.push(`    return _after(checks, {${result.join(', ')}})`, '');
  return lines.join('\n');
}

type ShapeCheck = Extract<LayoutCheck, { kind: 'shape' }>;

/** All shapes at once, so that a name has one size throughout; then what a name alone cannot say. */
function shapeLines(tensors: readonly PythonTensor[], variable: (index: number) => string): string[] {
  const lines: string[] = [];
  const bound = new Map<string, string>();
  for (const [index, { checks }] of tensors.entries()) {
    for (const check of checks.layout) {
      if (check.kind !== 'shape') continue;
      lines.push(
        `    checks.append(tf.debugging.assert_shapes([(${variable(index)}, ${shapeTuple(check)})], message=${message(check)}))`,
      );
      for (const { axis, name, multiplier, offset } of check.named) {
        const at = `tf.shape(${variable(index)}, tf.int64)[${axis}]`;
        const shifted = offset === 0 ? at : `(${at} - ${offset})`;
        const value = multiplier === 1 ? shifted : `(${shifted} // ${multiplier})`;
        if (multiplier !== 1) lines.push(`    checks.append(_require(${shifted} % ${multiplier} == 0, ${message(check)}))`);
        const known = bound.get(name);
        if (known !== undefined) {
          lines.push(
            `    checks.append(_require(${value} == ${known}, ${message({ ...check, expected: `${check.expected}, with one value for ${name}` })}))`,
          );
          continue;
        }
        const dim = `d${bound.size}`;
        bound.set(name, dim);
        lines.push(`    ${dim} = ${value}`, ...boundLines(dim, name, check, checks.dims.get(name)));
      }
    }
  }
  return lines;
}

function boundLines(variable: string, name: string, check: ShapeCheck, bounds: DimBounds | undefined): string[] {
  if (bounds === undefined) return [];
  const { min, max, multipleOf } = bounds;
  const text = message({
    ...check,
    expected: `${check.expected}, with ${name} from ${min} to ${max}${multipleOf === undefined ? '' : ` in steps of ${multipleOf}`}`,
  });
  const lines = [`    checks.append(_require((${variable} >= ${min}) & (${variable} <= ${max}), ${text}))`];
  if (multipleOf !== undefined) lines.push(`    checks.append(_require(${variable} % ${multipleOf} == 0, ${text}))`);
  return lines;
}

function shapeTuple({ sizes }: ShapeCheck): string {
  const parts = sizes.map((size) => (size === -1 ? 'None' : String(size)));
  return parts.length === 1 ? `(${parts[0]},)` : `(${parts.join(', ')})`;
}

const assertions: Readonly<Record<Comparison, string>> = {
  GreaterEqual: 'assert_greater_equal',
  LessEqual: 'assert_less_equal',
  Greater: 'assert_greater',
  Less: 'assert_less',
};

const operators: Readonly<Record<Comparison, string>> = { GreaterEqual: '>=', LessEqual: '<=', Greater: '>', Less: '<' };

function valueLine(name: string, check: ValueCheck): string {
  const text = message(check);
  switch (check.kind) {
    case 'bound': {
      const bound = `tf.constant(${pythonNumber(check.value)}, ${name}.dtype)`;
      if (check.passesNan)
        return `_require(tf.math.is_nan(${name}) | (${name} ${operators[check.comparison]} ${bound}), ${text})`;
      return `tf.debugging.${assertions[check.comparison]}(${name}, ${bound}, message=${text}, summarize=1)`;
    }
    case 'oneOf':
      return `_require(_one_of(${name}, tf.constant(${pythonList(check.values.map(pythonNumber))}, ${name}.dtype)), ${text})`;
    case 'match':
      return `_require(tf.strings.regex_full_match(${name}, ${pythonString(check.pattern)}), ${text})`;
    case 'length':
      return `_require(tf.strings.length(${name}, ${pythonString(check.unit)}) ${operators[check.comparison]} ${check.value}, ${text})`;
    case 'totalBytes':
      return `_require(tf.reduce_sum(tf.cast(tf.strings.length(${name}), tf.int64)) <= ${check.max}, ${text})`;
  }
}
