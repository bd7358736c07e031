// In which order tensors of a subgraph are written and read, and how much of them lives at the same time. TFLite runs operators in the order
// of the file. It never looks into what an operator computes.
import { sizeText } from './judge-tensors.ts';
import type { Judging } from './say.ts';
import { operatorText, subgraphText, tensorText } from './say-text.ts';
import { bytesOf, contentOf, type Subgraph, type TfliteModel, type TfliteTensor } from './tflite-model.ts';

/** What may live at the same time, in memory budgets: ordinary models keep far below one tensor's budget in all. */
const arenaBudgets = 4;

function isConstant(model: TfliteModel, tensor: TfliteTensor): boolean {
  return contentOf(model, tensor) !== undefined || tensor.externalBuffer !== 0;
}

/** What needs no writer: constants, state, and tensors without elements, which have no buffer. */
function isGiven(model: TfliteModel, tensor: TfliteTensor): boolean {
  return isConstant(model, tensor) || tensor.isVariable || (tensor.hasRank && tensor.shape.includes(0));
}

function judgeOrder({ model, sayer }: Judging, subgraph: Subgraph): void {
  const writer = new Map<number, string>();
  for (const index of subgraph.inputs) writer.set(index, 'an input of the subgraph');
  const said = new Set<number>();
  for (const operator of subgraph.operators) {
    const text = operatorText(subgraph, operator);
    for (const index of operator.inputs) {
      const tensor = subgraph.tensors[index];
      if (tensor === undefined || writer.has(index) || said.has(index) || isGiven(model, tensor)) continue;
      said.add(index);
      const message = `${text} reads ${tensorText(tensor)} before anything has written it: memory that was never set, or a null pointer`;
      sayer.say('malformed/tflite-data-flow', message, {
        place: { subgraph, operator },
        argument: { name: 'input', value: tensor.name },
      });
    }
    for (const index of operator.outputs) {
      const tensor = subgraph.tensors[index];
      if (tensor === undefined) continue;
      const before = writer.get(index);
      const place = { subgraph, operator };
      if (isConstant(model, tensor)) {
        const message = `${text} writes ${tensorText(tensor)}, which is a constant in the file: writing to it ends the process or changes the model in memory`;
        sayer.say('malformed/tflite-data-flow', message, { place, severity: 'high', advisories: ['CVE-2020-15208'] });
      } else if (operator.inputs.includes(index) && !tensor.isVariable) {
        const message = `${text} has ${tensorText(tensor)} as input and output: it overwrites what it reads`;
        sayer.say('malformed/tflite-data-flow', message, { place, severity: 'high', advisories: ['CVE-2020-15210'] });
      } else if (before !== undefined) {
        const message = `${text} writes ${tensorText(tensor)}, which ${before} has written already`;
        sayer.say('malformed/tflite-data-flow', message, { place });
      }
      writer.set(index, text);
    }
  }
  for (const index of new Set(subgraph.outputs)) {
    const tensor = subgraph.tensors[index];
    if (tensor === undefined || writer.has(index) || isGiven(model, tensor)) continue;
    const message = `${subgraphText(subgraph)} gives ${tensorText(tensor)} out, and nothing writes it: the caller gets memory that was never set`;
    sayer.say('malformed/tflite-data-flow', message, { place: { subgraph, tensor } });
  }
}

/** The most bytes of tensors that are written and still needed at one time. */
function peakBytes(model: TfliteModel, subgraph: Subgraph): { readonly bytes: number; readonly operator: number } {
  const first = new Map<number, number>();
  const last = new Map<number, number>();
  const note = (index: number, at: number): void => {
    const tensor = subgraph.tensors[index];
    if (tensor === undefined || contentOf(model, tensor) !== undefined) return;
    if (!first.has(index)) first.set(index, at);
    last.set(index, at);
  };
  for (const index of subgraph.inputs) note(index, 0);
  subgraph.operators.forEach((operator, at) => {
    for (const index of operator.inputs) note(index, at);
    for (const index of operator.outputs) note(index, at);
  });
  for (const index of subgraph.outputs) note(index, subgraph.operators.length);
  const change = new Map<number, number>();
  for (const [index, at] of first) {
    const tensor = subgraph.tensors[index];
    const bytes = tensor === undefined ? 0 : (bytesOf(tensor) ?? 0);
    change.set(at, (change.get(at) ?? 0) + bytes);
    const end = (last.get(index) ?? at) + 1;
    change.set(end, (change.get(end) ?? 0) - bytes);
  }
  let live = 0;
  let peak = { bytes: 0, operator: 0 };
  for (const at of [...change.keys()].sort((a, b) => a - b)) {
    live += change.get(at) ?? 0;
    if (live > peak.bytes) peak = { bytes: live, operator: at };
  }
  return peak;
}

/** Judges the order of the operators of every subgraph and the memory that they need together. */
export function judgeDataFlow(judging: Judging): void {
  const { model, sayer, context } = judging;
  for (const subgraph of model.subgraphs) {
    judgeOrder(judging, subgraph);
    const budget = context.limits.memoryBudgetBytes;
    const isOneTooLarge = subgraph.tensors.some(
      (tensor) => contentOf(model, tensor) === undefined && (bytesOf(tensor) ?? 0) > budget,
    );
    const peak = peakBytes(model, subgraph);
    if (isOneTooLarge || peak.bytes <= budget * arenaBudgets) continue;
    const message = `the tensors of ${subgraphText(subgraph)} that live at operator ${peak.operator} take ${sizeText(peak.bytes)} together`;
    sayer.say('memory/tflite-arena', message, { place: { subgraph }, trigger: 'load', severity: 'high' });
  }
}
