// Operators whose output is as large as a value says: a constant of the file over the budget, or the value of an input. It reads values that
// TensorValues has computed and never allocates by them.

import { sizeText } from './judge-tensors.ts';
import { decidingInputs, shapeOfOutput } from './output-shapes.ts';
import type { Judging } from './say.ts';
import { operatorText, subgraphText, tensorText } from './say-text.ts';
import { from, type TensorValue, type TensorValues } from './tensor-values.ts';
import type { Subgraph, TfliteOperator } from './tflite-model.ts';

function leastBytes(shape: readonly number[], bits: number): number {
  if (shape.includes(0)) return 0;
  return (shape.reduce((product, size) => product * Math.max(size, 1), 1) * bits) / 8;
}

/** `operand 1 "dims" is the constant [1,2]` */
function operandText(subgraph: Subgraph, operator: TfliteOperator, at: number, value: TensorValue): string {
  const tensor = subgraph.tensors[operator.inputs[at] ?? -1];
  const numbers = value.constant?.numbers;
  const constant = numbers === undefined ? '' : ` is [${numbers.slice(0, 8).join(',')}${numbers.length > 8 ? ',…' : ''}]`;
  return `operand ${at}${tensor === undefined ? '' : ` (${tensorText(tensor)})`}${constant}`;
}

function judgeOperator({ sayer, context }: Judging, values: TensorValues, subgraph: Subgraph, operator: TfliteOperator): void {
  const operands = operator.inputs.map((index) => values.of(subgraph, index));
  const budget = context.limits.memoryBudgetBytes;
  const output = subgraph.tensors[operator.outputs[0] ?? -1];
  const bits = output?.type?.bits ?? 32;
  const deciding = decidingInputs(operator.code?.builtin ?? '').filter((at) => operands[at] !== undefined);
  const place = { subgraph, operator };
  const text = operatorText(subgraph, operator);
  const shape = shapeOfOutput(operator, operands);
  const bytes = shape === undefined ? undefined : leastBytes(shape, bits);
  if (shape !== undefined && bytes !== undefined && bytes > budget) {
    const because = deciding.map((at) => operandText(subgraph, operator, at, operands[at] ?? values.of(subgraph, -1))).join(', ');
    const shown = `[${shape.slice(0, 8).join(',')}${shape.length > 8 ? ',…' : ''}]`;
    const message = `${text} makes a tensor of the shape ${shown}, which takes ${sizeText(bytes)}${because === '' ? '' : `: ${because}`}`;
    sayer.say('memory/tflite-sized-by-constant', message, {
      place,
      argument: { name: 'shape', value: shown, origin: 'constant-inside' },
    });
    return;
  }
  for (const at of deciding) {
    const value = operands[at];
    if (value === undefined || value.constant !== undefined || (value.origins & from.request) === 0) continue;
    // A bound in the model that keeps one size within the budget is enough; how several multiply is not followed.
    if (value.max !== undefined && (value.max * bits) / 8 <= budget) continue;
    const message = `${text} makes a tensor as large as the value of an input of ${subgraphText(subgraph)} says: ${operandText(subgraph, operator, at, value)} comes from the request`;
    sayer.say('memory/tflite-sized-by-request', message, { place, argument: { name: `operand ${at}`, origin: 'request' } });
    return;
  }
}

/** Judges the operators of all subgraphs that something reaches. */
export function judgeSizes(judging: Judging, values: TensorValues): void {
  for (const subgraph of judging.model.subgraphs) {
    if (!judging.sayer.isReached(subgraph)) continue;
    for (const operator of subgraph.operators) judgeOperator(judging, values, subgraph, operator);
  }
}
