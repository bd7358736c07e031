// Parameters of built-in operations that made kernels divide by zero or leave their memory, as published advisories and kernels have them.
// It looks at options and constant operands only; what a kernel does with them is TensorFlow's business.
import { operandChecks } from './operand-checks.ts';
import type { Operation, Problem } from './operation.ts';
import type { Judging } from './say.ts';
import { operatorText } from './say-text.ts';
import type { TensorValues } from './tensor-values.ts';

const strides = ['strideW', 'strideH'];
const dilations = ['dilationW', 'dilationH'];

/** Options that must be 1 or more: by operation, the fields, and the advisory. Fields that are missing read as the schema's default. */
const positive: Readonly<Record<string, { readonly fields: readonly string[]; readonly advisory: string }>> = {
  CONV_2D: { fields: [...strides, ...dilations], advisory: 'CVE-2021-29594' },
  DEPTHWISE_CONV_2D: { fields: [...strides, ...dilations, 'depthMultiplier'], advisory: 'CVE-2022-21741' },
  TRANSPOSE_CONV: { fields: strides, advisory: 'CVE-2021-29588' },
  CONV_3D: { fields: ['strideD', ...strides, 'dilationD', ...dilations], advisory: 'CVE-2021-29594' },
  CONV_3D_TRANSPOSE: { fields: ['strideD', ...strides, 'dilationD', ...dilations], advisory: 'CVE-2022-41894' },
  AVERAGE_POOL_2D: { fields: [...strides, 'filterWidth', 'filterHeight'], advisory: 'CVE-2021-29586' },
  MAX_POOL_2D: { fields: [...strides, 'filterWidth', 'filterHeight'], advisory: 'CVE-2021-29586' },
  L2_POOL_2D: { fields: [...strides, 'filterWidth', 'filterHeight'], advisory: 'CVE-2021-37684' },
  SPACE_TO_DEPTH: { fields: ['blockSize'], advisory: 'CVE-2021-29587' },
  DEPTH_TO_SPACE: { fields: ['blockSize'], advisory: 'CVE-2021-29595' },
  SPLIT: { fields: ['numSplits'], advisory: 'CVE-2021-29599' },
  SPLIT_V: { fields: ['numSplits'], advisory: 'CVE-2021-29606' },
  SVDF: { fields: ['rank'], advisory: 'CVE-2021-29598' },
};

const defaultsToOne = new Set(['dilationW', 'dilationH', 'dilationD']);

/** Constant operands without a size of 0: by operation, the inputs that a kernel divides by, and the advisory. */
const nonEmpty: Readonly<Record<string, { readonly inputs: readonly number[]; readonly advisory: string }>> = {
  CONV_2D: { inputs: [1], advisory: 'CVE-2023-27579' },
  DEPTHWISE_CONV_2D: { inputs: [1], advisory: 'CVE-2021-29602' },
  TRANSPOSE_CONV: { inputs: [1], advisory: 'CVE-2021-29588' },
  FULLY_CONNECTED: { inputs: [1], advisory: 'CVE-2021-37680' },
  EMBEDDING_LOOKUP: { inputs: [1], advisory: 'CVE-2021-29596' },
  HASHTABLE_LOOKUP: { inputs: [2], advisory: 'CVE-2021-29604' },
  LSH_PROJECTION: { inputs: [0], advisory: 'CVE-2021-37691' },
  SVDF: { inputs: [1, 2], advisory: 'CVE-2021-29598' },
  GATHER_ND: { inputs: [0], advisory: 'CVE-2021-29589' },
};

/** How many outputs an option promises. */
const promised: Readonly<Record<string, string>> = { SPLIT: 'numSplits', SPLIT_V: 'numSplits', UNPACK: 'num' };

function problemsOf(operation: Operation): readonly Problem[] {
  const builtin = operation.operator.code?.builtin ?? '';
  const problems: Problem[] = [];
  const needed = positive[builtin];
  const zero = needed?.fields.find((field) => operation.option(field) <= 0);
  if (needed !== undefined && zero !== undefined) {
    problems.push({ what: `has ${zero} ${operation.option(zero)}: the kernel divides by it`, advisory: needed.advisory });
  }
  const full = nonEmpty[builtin];
  const empty = full?.inputs.find((at) => operation.inputs[at]?.shape?.includes(0) === true);
  if (full !== undefined && empty !== undefined) {
    const shape = operation.inputs[empty]?.shape?.join(',') ?? '';
    problems.push({
      what: `has operand ${empty} of the shape [${shape}] without elements: the kernel divides by a size`,
      advisory: full.advisory,
    });
  }
  const count = promised[builtin];
  if (count !== undefined && operation.option(count) > 0 && operation.option(count) !== operation.outputCount) {
    problems.push({
      what: `has ${count} ${operation.option(count)} and ${operation.outputCount} outputs: the kernel writes outputs that are not there`,
    });
  }
  if (builtin === 'PACK' && operation.option('valuesCount') > operation.inputs.length) {
    problems.push({
      what: `has valuesCount ${operation.option('valuesCount')} and ${operation.inputs.length} inputs: the kernel reads inputs that are not there`,
    });
  }
  return [...problems, ...(operandChecks[builtin]?.(operation) ?? [])];
}

/** Judges the operators of all subgraphs. */
export function judgeParameters({ model, sayer }: Judging, values: TensorValues): void {
  for (const subgraph of model.subgraphs) {
    for (const operator of subgraph.operators) {
      const operation: Operation = {
        operator,
        subgraph,
        inputs: operator.inputs.map((index) => values.of(subgraph, index)),
        outputCount: operator.outputs.length,
        option: (name) => operator.options?.number(name, defaultsToOne.has(name) ? 1 : 0) ?? (defaultsToOne.has(name) ? 1 : 0),
      };
      for (const { what, advisory, severity } of problemsOf(operation)) {
        sayer.say('crash/tflite-parameter', `${operatorText(subgraph, operator)} ${what}`, {
          place: { subgraph, operator },
          ...(sayer.isReached(subgraph) ? (severity === undefined ? {} : { severity }) : { severity: 'low', trigger: 'none' }),
          ...(advisory === undefined ? {} : { advisories: [advisory] }),
        });
      }
    }
  }
}
