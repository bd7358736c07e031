// Every number in a TFLite model that chooses something out of a list: tensors, buffers, operator codes, subgraphs, and whether an operator
// has the inputs that its kernel reads. It never follows one that it has not checked.
import { requiredInputs, requiredOutputs } from './op-arity.ts';
import { customOpCode } from './op-names.ts';
import type { Judging } from './say.ts';
import { operatorText, subgraphText, tensorText } from './say-text.ts';
import { callsOf } from './subgraph-calls.ts';
import type { Subgraph, TfliteOperator } from './tflite-model.ts';

const rule = 'malformed/tflite-index';

function judgeOperator({ model, sayer }: Judging, subgraph: Subgraph, operator: TfliteOperator): void {
  const place = { subgraph, operator };
  const text = operatorText(subgraph, operator);
  if (operator.code === undefined) {
    const message = `operator ${operator.index} of ${subgraphText(subgraph)} has the operator code ${operator.codeIndex}, and there are ${model.opCodes.length}`;
    sayer.say(rule, message, { place, trigger: 'load' });
    return;
  }
  const lists = [
    ['input', operator.inputs],
    ['output', operator.outputs],
    ['intermediate tensor', operator.intermediates],
  ] as const;
  for (const [role, indexes] of lists) {
    const bad = indexes.findIndex(
      (index) => index < -1 || index >= subgraph.tensors.length || (index === -1 && role === 'output'),
    );
    if (bad < 0) continue;
    const message = `${text} has tensor ${indexes[bad]} as ${role} ${bad}, and the subgraph has tensors 0 to ${subgraph.tensors.length - 1}: it reads or writes outside of the list of tensors`;
    sayer.say(rule, message, {
      place,
      trigger: 'load',
      argument: { name: role, value: String(indexes[bad]) },
      advisories: ['CVE-2020-15211'],
    });
  }
  const { builtin } = operator.code;
  if (builtin === undefined) {
    const message = `${text} has the operation number ${operator.code.builtinNumber}, which TensorFlow 2.21 does not know`;
    sayer.say('malformed/tflite-structure', message, { place, trigger: 'load' });
    return;
  }
  const needed = requiredInputs(builtin);
  const missing = operator.inputs.slice(0, needed).indexOf(-1);
  if (operator.inputs.length < needed || missing >= 0) {
    const found = missing >= 0 ? `input ${missing} is left out (-1)` : `it has ${operator.inputs.length}`;
    sayer.say('malformed/tflite-arity', `${text} reads ${needed} inputs, and ${found}`, { place, trigger: 'load' });
  }
  const results = requiredOutputs(builtin);
  if (operator.outputs.length < results) {
    const message = `${text} writes ${results} outputs, and it has ${operator.outputs.length}`;
    sayer.say('malformed/tflite-arity', message, { place, trigger: 'load' });
  }
  for (const call of callsOf(operator)) {
    if (call.subgraph >= 0 && call.subgraph < model.subgraphs.length) continue;
    // -1 is how StableHLO operations say "none".
    if (call.subgraph === -1 && builtin.startsWith('STABLEHLO_')) continue;
    const message = `${text} has subgraph ${call.subgraph} as its ${call.role}, and the model has subgraphs 0 to ${model.subgraphs.length - 1}`;
    sayer.say(rule, message, { place, trigger: 'load', argument: { name: call.role, value: String(call.subgraph) } });
  }
}

function judgeSubgraph(judging: Judging, subgraph: Subgraph): void {
  const { model, sayer } = judging;
  for (const tensor of subgraph.tensors) {
    const place = { subgraph, tensor };
    const text = `${tensorText(tensor)} of ${subgraphText(subgraph)}`;
    if (tensor.buffer >= model.buffers.length) {
      const message = `${text} has buffer ${tensor.buffer}, and the model has buffers 0 to ${model.buffers.length - 1}`;
      sayer.say(rule, message, { place, trigger: 'load', argument: { name: 'buffer', value: String(tensor.buffer) } });
    }
    if (tensor.type === undefined) {
      const message = `${text} has the data type ${tensor.typeNumber}, which TensorFlow 2.21 does not know`;
      sayer.say(rule, message, { place, trigger: 'load', argument: { name: 'type', value: String(tensor.typeNumber) } });
    }
  }
  for (const [role, indexes] of [
    ['input', subgraph.inputs],
    ['output', subgraph.outputs],
  ] as const) {
    // -1 is an input that is left out, as old converters wrote it.
    const bad = indexes.findIndex((index) => index < -1 || index >= subgraph.tensors.length);
    if (bad < 0) continue;
    const message = `${subgraphText(subgraph)} has tensor ${indexes[bad]} as ${role} ${bad}, and it has tensors 0 to ${subgraph.tensors.length - 1}`;
    sayer.say(rule, message, { place: { subgraph }, trigger: 'load', argument: { name: role, value: String(indexes[bad]) } });
  }
  for (const operator of subgraph.operators) judgeOperator(judging, subgraph, operator);
}

/** Buffers whose bytes lie outside of the file, found by an offset of their own (models over 2 GiB). */
function judgeBuffers({ model, sayer }: Judging): void {
  for (const buffer of model.buffers) {
    if (buffer.range === undefined || model.bytes.has(buffer.range.offset, buffer.range.sizeBytes)) continue;
    const { offset, sizeBytes } = buffer.range;
    const message = `buffer ${buffer.index} has ${sizeBytes} bytes at offset ${offset}, and the file has ${model.bytes.sizeBytes}: the interpreter reads memory that is not the file`;
    sayer.say(rule, message, { offset, argument: { name: 'offset', value: String(offset) } });
  }
}

function judgeMetadata({ model, sayer }: Judging): void {
  const indexes = [
    ...model.metadata.map((entry) => ({ name: `metadata "${entry.name}"`, buffer: entry.buffer })),
    ...model.metadataBuffers.map((buffer, index) => ({ name: `metadata_buffer ${index}`, buffer })),
  ];
  for (const { name, buffer } of indexes) {
    if (buffer >= 0 && buffer < model.buffers.length) continue;
    sayer.say(rule, `${name} has buffer ${buffer}, and the model has buffers 0 to ${model.buffers.length - 1}`, {
      argument: { name: 'buffer', value: String(buffer) },
    });
  }
}

function judgeSignatures({ model, sayer }: Judging): void {
  const keys = new Set<string>();
  for (const signature of model.signatures) {
    const text = `signature "${signature.key}"`;
    if (keys.has(signature.key))
      sayer.say('parser-differential/tflite-signature', `${text} is there twice; readers differ on which one counts`);
    keys.add(signature.key);
    const subgraph = model.subgraphs[signature.subgraph];
    if (subgraph === undefined) {
      const message = `${text} runs subgraph ${signature.subgraph}, and the model has subgraphs 0 to ${model.subgraphs.length - 1}`;
      sayer.say(rule, message, { argument: { name: 'subgraph_index', value: String(signature.subgraph) } });
      continue;
    }
    for (const [role, entries, allowed] of [
      ['input', signature.inputs, new Set(subgraph.inputs)],
      ['output', signature.outputs, new Set(subgraph.outputs)],
    ] as const) {
      const names = new Set<string>();
      for (const entry of entries) {
        const what = `${role} "${entry.name}" of ${text}`;
        if (names.has(entry.name)) sayer.say('parser-differential/tflite-signature', `${what} is there twice`);
        names.add(entry.name);
        const tensor = subgraph.tensors[entry.tensor];
        const argument = { name: entry.name, value: String(entry.tensor) };
        if (tensor === undefined) {
          const message = `${what} is tensor ${entry.tensor}, and ${subgraphText(subgraph)} has tensors 0 to ${subgraph.tensors.length - 1}`;
          sayer.say(rule, message, { argument });
        } else if (!allowed.has(entry.tensor)) {
          const message = `${what} is ${tensorText(tensor)}, which is no ${role} of ${subgraphText(subgraph)}: a caller ${role === 'input' ? 'overwrites' : 'reads'} what lies inside the model`;
          sayer.say('contract/tflite-signature', message, { place: { subgraph, tensor }, argument });
        }
      }
    }
  }
}

function judgeOpCodes({ model, sayer }: Judging): void {
  for (const code of model.opCodes) {
    const { deprecatedNumber, builtinNumber } = code;
    // 0 is what is read where the field is missing; 127 says "look at the new field".
    if (deprecatedNumber === builtinNumber || deprecatedNumber === 0 || deprecatedNumber === 127) continue;
    const message = `operator code ${code.index} is ${code.builtin ?? builtinNumber} for current readers and number ${deprecatedNumber} for those before TensorFlow 2.4`;
    sayer.say('parser-differential/tflite-opcode', message);
  }
}

/** Judges all indexes, the operators' numbers of inputs, the signatures and the operator codes. */
export function judgeIndexes(judging: Judging): void {
  const { model, sayer } = judging;
  if (model.subgraphs.length === 0) {
    sayer.say('malformed/tflite-structure', 'the model has no subgraph: interpreters read the first one without asking');
  }
  if (model.buffers.length === 0) sayer.say('malformed/tflite-structure', 'the model has no list of buffers');
  if (model.opCodes.length === 0 && model.subgraphs.some((subgraph) => subgraph.operators.length > 0)) {
    sayer.say('malformed/tflite-structure', 'the model has operators and no list of operator codes');
  }
  for (const subgraph of model.subgraphs) judgeSubgraph(judging, subgraph);
  judgeBuffers(judging);
  judgeMetadata(judging);
  judgeSignatures(judging);
  judgeOpCodes(judging);
}

/** True for operations that carry their own meaning in `custom_code`. */
export function isCustom(operator: TfliteOperator): boolean {
  return operator.code?.builtinNumber === customOpCode;
}
