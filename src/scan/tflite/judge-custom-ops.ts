// Operations that are not TFLite's own: custom ones, TensorFlow's by the Flex delegate, StableHLO custom calls. What TensorFlow operations
// do is judged by whoever judges graphs; this makes one graph of them. It never takes a name for proof of what the code behind it does.
import { isAirlockError } from '../../core/index.ts';
import { decodeMessage, NodeDefSchema } from '../../model/index.ts';
import { isKnownCustomCall, isKnownCustomOp } from './custom-op-names.ts';
import { FlexGraph, type FlexNode } from './flex-graph.ts';
import { readFlexbufferStrings } from './flexbuffer.ts';
import { isCustom } from './judge-indexes.ts';
import type { Judging } from './say.ts';
import { operatorText } from './say-text.ts';
import type { TensorValues } from './tensor-values.ts';
import type { Subgraph, TfliteOperator } from './tflite-model.ts';

/** Options of one Flex operation; constants lie in tensors, not here. */
const maxOptionBytes = 16 * 1024 * 1024;

function readFlex(judging: Judging, subgraph: Subgraph, operator: TfliteOperator): FlexNode | undefined {
  const { model, sayer } = judging;
  const text = operatorText(subgraph, operator);
  const place = { subgraph, operator };
  const damaged = (what: string): undefined => {
    sayer.say('malformed/flex-options', `${text} has options that cannot be read: ${what}`, { place, trigger: 'load' });
    judging.context.unreadable(sayer.file, `the TensorFlow operation of ${text} cannot be read`);
    return undefined;
  };
  const options = operator.customOptions;
  if (options === undefined) return damaged('there are none');
  if (!model.bytes.has(options.offset, options.sizeBytes)) return damaged('they lie outside of the file');
  if (options.sizeBytes > maxOptionBytes) return damaged(`they have ${options.sizeBytes} bytes`);
  try {
    const [opName, nodeBytes] = readFlexbufferStrings(model.bytes.bytes(options.offset, options.sizeBytes), 2);
    if (opName === undefined || nodeBytes === undefined) return damaged('they are no pair of a name and a node');
    const node = decodeMessage(NodeDefSchema, nodeBytes, text);
    const expected = operator.name.slice('Flex'.length);
    for (const [what, name] of [
      ['the node in its options is', node.op],
      ['its options are for', opName.toString('utf8')],
    ] as const) {
      if (name === expected) continue;
      const message = `${text} is called ${operator.name}, and ${what} ${name === '' ? 'without a name' : name}: that is what the Flex delegate runs`;
      sayer.say('parser-differential/flex-name', message, { place, argument: { name: 'op', value: name } });
    }
    return { subgraph, operator, node };
  } catch (thrown) {
    if (!isAirlockError(thrown)) throw thrown;
    return damaged(thrown.message);
  }
}

function sayCustom({ sayer, context }: Judging, name: string, subgraph: Subgraph, operator: TfliteOperator, count: number): void {
  const place = { subgraph, operator };
  const times = count === 1 ? '' : ` (${count} operators)`;
  const shown = name === '' ? 'without a name' : `"${name}"`;
  if (isKnownCustomOp(name)) {
    sayer.say('custom-op/tflite-known', `the custom operation ${shown}${times} needs the library that has it`, {
      place,
      trigger: 'load',
    });
    return;
  }
  const inTensorFlow = context.ops.get(name) === undefined ? '' : ' It has the name of a TensorFlow operation and is not one.';
  const message = `the custom operation ${shown}${times} runs native code that has to be loaded into the interpreter; the model does not say what it does.${inTensorFlow}`;
  sayer.say('custom-op/tflite', message, { place, trigger: 'load', argument: { name: 'custom_code', value: name } });
}

function judgeCustomCall({ sayer }: Judging, subgraph: Subgraph, operator: TfliteOperator): void {
  const target = operator.options2?.string('callTargetName') ?? '';
  const config = operator.options2?.string('backendConfig') ?? '';
  const message = `${operatorText(subgraph, operator)} calls the native function "${target}"${config === '' ? '' : ` with the configuration ${config.slice(0, 200)}`}`;
  sayer.say('code-execution/tflite-custom-call', message, {
    place: { subgraph, operator },
    ...(isKnownCustomCall(target) ? { severity: 'low' } : {}),
    argument: { name: 'call_target_name', value: target },
  });
}

/** `pair`: the flexbuffer that Flex operations have, under a name that does not say so. */
function judgeOptionsRange({ model, sayer }: Judging, subgraph: Subgraph, operator: TfliteOperator): void {
  const options = operator.customOptions;
  if (options === undefined || model.bytes.has(options.offset, options.sizeBytes)) return;
  const message = `${operatorText(subgraph, operator)} has ${options.sizeBytes} bytes of options at offset ${options.offset}, and the file has ${model.bytes.sizeBytes}`;
  sayer.say('malformed/tflite-index', message, { place: { subgraph, operator }, trigger: 'load', offset: options.offset });
}

/**
 * Judges custom operations and hands a GraphDef with all Flex operations on.
 * @param judgeGraph is given an encoded GraphDef.
 */
export function judgeCustomOps(judging: Judging, values: TensorValues, judgeGraph: (graphDef: Buffer) => void): void {
  const { model, sayer, context } = judging;
  const firsts = new Map<string, { readonly subgraph: Subgraph; readonly operator: TfliteOperator; count: number }>();
  const flexNodes: FlexNode[] = [];
  for (const subgraph of model.subgraphs) {
    for (const operator of subgraph.operators) {
      judgeOptionsRange(judging, subgraph, operator);
      if (operator.code?.builtin === 'STABLEHLO_CUSTOM_CALL') judgeCustomCall(judging, subgraph, operator);
      if (operator.code?.builtin === 'DELEGATE') {
        const message = `${operatorText(subgraph, operator)} stands for a delegate, which only a running interpreter may put there`;
        sayer.say('malformed/tflite-structure', message, { place: { subgraph, operator }, trigger: 'load' });
      }
      if (!isCustom(operator)) continue;
      const first = firsts.get(operator.name);
      if (first === undefined) firsts.set(operator.name, { subgraph, operator, count: 1 });
      else first.count++;
      if (!operator.name.startsWith('Flex')) continue;
      const flex = readFlex(judging, subgraph, operator);
      if (flex !== undefined && sayer.isReached(subgraph)) flexNodes.push(flex);
    }
  }
  for (const [name, { subgraph, operator, count }] of firsts) {
    if (!name.startsWith('Flex')) {
      sayCustom(judging, name, subgraph, operator, count);
      continue;
    }
    const times = count === 1 ? '' : ` (${count} operators)`;
    sayer.say('custom-op/flex', `the TensorFlow operation ${name.slice(4)}${times} runs by the Flex delegate`, {
      place: { subgraph, operator },
    });
  }
  if (flexNodes.length === 0) return;
  try {
    judgeGraph(new FlexGraph(model, values, flexNodes).encode());
  } catch (thrown) {
    if (!isAirlockError(thrown)) throw thrown;
    context.unreadable(sayer.file, `its TensorFlow operations cannot be judged: ${thrown.message}`);
  }
}
