// Whether each tensor makes sense by itself: its shape, its bytes, its strings, its quantization and sparsity. It reads the
// content of string tensors only, and of those the table of offsets.
import type { Judging } from './say.ts';
import { subgraphText, tensorText } from './say-text.ts';
import { sparsityProblem, stringProblem } from './tensor-problems.ts';
import { bytesOf, contentOf, type Subgraph, type TfliteTensor } from './tflite-model.ts';

const typesWithSize = (tensor: TfliteTensor): boolean => tensor.type?.bits !== undefined;

/** 1.5 GiB */
export function sizeText(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`;
  if (bytes >= 2 ** 80) return `${bytes.toExponential(1)} bytes`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB', 'ZiB'];
  const power = Math.min(Math.floor(Math.log2(bytes) / 10), units.length);
  return `${(bytes / 1024 ** power).toFixed(1)} ${units[power - 1] ?? ''}`;
}

function judgeShape({ model, sayer, context }: Judging, subgraph: Subgraph, tensor: TfliteTensor, text: string): boolean {
  const place = { subgraph, tensor };
  const shape = `[${tensor.shape.slice(0, 16).join(',')}${tensor.shape.length > 16 ? ',…' : ''}]`;
  const argument = { name: 'shape', value: shape };
  if (tensor.shape.some((size) => size < 0)) {
    const message = `${text} has the shape ${shape} with a negative size: its number of bytes overflows`;
    sayer.say('malformed/tflite-buffer', message, { place, trigger: 'load', argument, advisories: ['CVE-2022-23558'] });
    return false;
  }
  const signature = tensor.shapeSignature;
  if (signature?.some((size) => size < -1)) {
    const message = `${text} has the shape signature [${signature.slice(0, 16).join(',')}] with a size below -1`;
    sayer.say('malformed/tflite-buffer', message, { place, trigger: 'load', severity: 'medium', argument });
  }
  const bytes = bytesOf(tensor);
  if (bytes !== undefined && bytes > context.limits.memoryBudgetBytes && contentOf(model, tensor) === undefined) {
    const message = `${text} has the shape ${shape} of ${tensor.type?.name}, which takes ${sizeText(bytes)} when the interpreter allocates its tensors`;
    sayer.say('memory/tflite-tensor', message, { place, trigger: 'load', argument });
  }
  return true;
}

function judgeBytes({ model, sayer }: Judging, subgraph: Subgraph, tensor: TfliteTensor, text: string): void {
  const content = contentOf(model, tensor);
  if (content === undefined || tensor.sparsity !== undefined) return;
  const expected = bytesOf(tensor);
  if (expected === undefined || expected === content.sizeBytes) return;
  const shape = `[${tensor.shape.join(',')}]`;
  const tooFew = content.sizeBytes < expected;
  const message = `${text} has the shape ${shape} of ${tensor.type?.name}, which is ${expected} bytes, and its buffer ${tensor.buffer} has ${content.sizeBytes}: ${tooFew ? 'who trusts the shape reads beyond the buffer' : 'interpreters refuse it'}`;
  sayer.say('malformed/tflite-buffer', message, {
    place: { subgraph, tensor },
    trigger: 'load',
    severity: tooFew ? 'high' : 'medium',
    argument: { name: 'shape', value: shape },
  });
}

function judgeStrings({ model, sayer }: Judging, subgraph: Subgraph, tensor: TfliteTensor, text: string): void {
  const problem = stringProblem(model, tensor);
  if (problem === undefined) return;
  sayer.say('malformed/tflite-buffer', `${text} holds strings, and ${problem}`, { place: { subgraph, tensor }, trigger: 'load' });
}

function judgeQuantization({ sayer }: Judging, subgraph: Subgraph, tensor: TfliteTensor, text: string): void {
  const quantization = tensor.quantization;
  if (quantization === undefined) return;
  const { scale, zeroPoint, dimension } = quantization;
  const say = (what: string): void => {
    sayer.say('malformed/tflite-quantization', `${text} ${what}`, { place: { subgraph, tensor }, trigger: 'load' });
  };
  if (scale.length === 0) return;
  if (zeroPoint.length !== 0 && zeroPoint.length !== scale.length && zeroPoint.length !== 1) {
    say(`has ${scale.length} scales and ${zeroPoint.length} zero points: kernels index both by the same channel`);
  }
  if (scale.length > 1) {
    const channels = tensor.shape[dimension];
    if (dimension < 0 || channels === undefined) {
      say(`is quantized along dimension ${dimension} of ${tensor.shape.length}: kernels read outside of the shape`);
    } else if (channels !== scale.length) {
      say(`has ${scale.length} scales for ${channels} channels: kernels read beyond the list of scales`);
    }
  }
  const isQuantized = tensor.type?.name.includes('INT') === true;
  const bad = scale.find((value) => !Number.isFinite(value) || value < 0 || (value === 0 && scale.length === 1));
  if (isQuantized && bad !== undefined) say(`has the scale ${bad}: kernels divide by it`);
}

function judgeSparsity({ sayer }: Judging, subgraph: Subgraph, tensor: TfliteTensor, text: string): void {
  const problem = sparsityProblem(tensor);
  if (problem === undefined) return;
  sayer.say('malformed/tflite-quantization', `${text} is sparse, and ${problem}`, {
    place: { subgraph, tensor },
    trigger: 'load',
    severity: 'high',
    advisories: ['CVE-2022-23560'],
  });
}

/** Judges every tensor of a model. */
export function judgeTensors(judging: Judging): void {
  for (const subgraph of judging.model.subgraphs) {
    for (const tensor of subgraph.tensors) {
      const text = `${tensorText(tensor)} of ${subgraphText(subgraph)}`;
      if (!judgeShape(judging, subgraph, tensor, text)) continue;
      if (typesWithSize(tensor)) judgeBytes(judging, subgraph, tensor, text);
      else if (tensor.type?.name === 'STRING') judgeStrings(judging, subgraph, tensor, text);
      judgeQuantization(judging, subgraph, tensor, text);
      judgeSparsity(judging, subgraph, tensor, text);
    }
  }
}
