// What travels in a TFLite model besides its program: buffers that nothing uses, metadata, files of external weights, data behind the model.
// It hands contents on to those who know them and judges none itself beyond its first bytes.
import type { Source } from '../scan-context.ts';
import { formatKind, formatTitle, sniffFormat } from '../source/index.ts';
import { appendedZipOffset, unclaimedRanges } from './appended-data.ts';
import { sizeText } from './judge-tensors.ts';
import type { Judging } from './say.ts';
import { bytesOf, contentOf, type TfliteModel } from './tflite-model.ts';

/** One constant tensor, as those who judge weights take it. */
export interface TfliteWeights {
  readonly name: string;
  /** DataType's number. */
  readonly dtype: number;
  readonly shape: readonly number[];
  readonly source: Source;
  readonly offset: number;
  readonly sizeBytes: number;
  readonly file: string;
}

const searchedBytes = 4 * 1024 * 1024;

/** What can run, is read as a program or can hold one: at the beginning, or an executable or script anywhere in the first MiBs. */
function programIn(model: TfliteModel, offset: number, sizeBytes: number): string | undefined {
  const { bytes } = model;
  const name = bytes.name;
  const format = sniffFormat({ name, sizeBytes, read: (from, length) => bytes.bytes(offset + from, length) });
  if (['executable', 'code', 'pickle', 'archive', 'packed'].includes(formatKind(format))) return formatTitle(format);
  const body = bytes.bytes(offset, Math.min(sizeBytes, searchedBytes));
  if (body.includes('\x7fELF\x02\x01\x01', 0, 'latin1')) return 'an ELF executable';
  return body.includes('#!/bin/') || body.includes('#!/usr/bin/') ? 'a script' : undefined;
}

function isPadding(model: TfliteModel, offset: number, sizeBytes: number): boolean {
  if (sizeBytes > searchedBytes) return false;
  return model.bytes.bytes(offset, sizeBytes).every((byte) => byte === 0);
}

function judgeUnusedBuffers({ model, sayer }: Judging): void {
  const used = new Set<number>([...model.metadata.map((entry) => entry.buffer), ...model.metadataBuffers]);
  for (const subgraph of model.subgraphs) for (const tensor of subgraph.tensors) used.add(tensor.buffer);
  for (const buffer of model.buffers) {
    if (used.has(buffer.index) || buffer.range === undefined) continue;
    const { offset, sizeBytes } = buffer.range;
    if (!model.bytes.has(offset, sizeBytes)) continue;
    const program = programIn(model, offset, sizeBytes);
    const message = `buffer ${buffer.index} has ${sizeBytes} bytes that no tensor and no metadata uses${program === undefined ? '' : `: it holds ${program}`}`;
    sayer.say('payload/tflite-unused-buffer', message, {
      offset,
      trigger: 'none',
      ...(program === undefined ? {} : { severity: 'high' }),
    });
  }
}

function judgeMetadata({ model, sayer }: Judging): void {
  for (const entry of model.metadata) {
    const range = model.buffers[entry.buffer]?.range;
    if (entry.name !== 'TFLITE_METADATA' || range === undefined || !model.bytes.has(range.offset, range.sizeBytes)) continue;
    const isShort = range.sizeBytes < 8;
    const identifier = isShort ? '' : model.bytes.bytes(range.offset + 4, 4).toString('latin1');
    const root = isShort ? 0 : model.bytes.u32(range.offset);
    if (/^M\d{3}$/.test(identifier) && root >= 4 && root + 4 <= range.sizeBytes) continue;
    const message = `the metadata in buffer ${entry.buffer} has ${range.sizeBytes} bytes that are no flatbuffer of metadata`;
    sayer.say('malformed/tflite-metadata', message, { offset: range.offset, trigger: 'parse' });
  }
}

function judgeExternal({ model, sayer }: Judging): void {
  const used = new Set(model.externalBuffers.map((buffer) => buffer.group));
  for (const [index, name] of model.externalGroups.entries()) {
    const isOutside = /^[/\\~]|^[a-z]:|:\/\//i.test(name) || name.split(/[/\\]/).includes('..') || name.includes('\0');
    const message = `external weights ${index} are read from ${name === '' ? 'a file without a name' : name}${isOutside ? ', which lies outside of the model' : ''}${used.has(index) ? '' : ' (no tensor uses them)'}`;
    sayer.say('path-traversal/tflite-external-buffer', message, {
      ...(isOutside ? {} : { severity: 'low' }),
      argument: { name: 'name', value: name, origin: isOutside ? 'constant-outside' : 'constant-inside' },
    });
  }
}

function judgeAppended({ model, sayer }: Judging, endOffset: number): void {
  const zipOffset = appendedZipOffset(model, endOffset);
  for (const { offset, sizeBytes } of unclaimedRanges(model, endOffset)) {
    const before = zipOffset === undefined ? sizeBytes : Math.min(sizeBytes, Math.max(0, zipOffset - offset));
    if (before <= 0 || isPadding(model, offset, before)) continue;
    const program = programIn(model, offset, before);
    const message = `${sizeText(before)} lie behind the model at offset ${offset} that are no part of it${program === undefined ? '' : `: they hold ${program}`}`;
    sayer.say('payload/appended', message, { offset, trigger: 'none', ...(program === undefined ? {} : { severity: 'high' }) });
  }
}

/** Constant tensors of at least this many bytes are handed on; below that lie shapes and biases. */
const leastWeightBytes = 64;

export function* weightsOf(model: TfliteModel, source: Source): Generator<TfliteWeights> {
  const seen = new Set<number>();
  for (const subgraph of model.subgraphs) {
    for (const tensor of subgraph.tensors) {
      const content = contentOf(model, tensor);
      if (content === undefined || tensor.type === undefined || content.sizeBytes < leastWeightBytes || seen.has(content.offset))
        continue;
      // Packed and sparse ones are bytes to whoever looks for something hidden in them.
      const isPlain = tensor.type.bits !== undefined && tensor.type.bits >= 8 && bytesOf(tensor) === content.sizeBytes;
      seen.add(content.offset);
      yield {
        name: tensor.name,
        dtype: isPlain ? tensor.type.dataType : 4,
        shape: isPlain ? tensor.shape : [content.sizeBytes],
        source,
        offset: content.offset,
        sizeBytes: content.sizeBytes,
        file: source.name,
      };
    }
  }
}

/** State that lives as long as the interpreter, each name once. */
function judgeState({ model, sayer }: Judging): void {
  const said = new Set<string>();
  for (const subgraph of model.subgraphs) {
    for (const operator of subgraph.operators) {
      if (operator.code?.builtin !== 'VAR_HANDLE') continue;
      const name = `${operator.options?.string('container') ?? ''}/${operator.options?.string('sharedName') ?? ''}`;
      if (said.has(name)) continue;
      said.add(name);
      const message = `VAR_HANDLE keeps the variable "${name}" from one request to the next`;
      sayer.say('cross-model/tflite-resource', message, { place: { subgraph, operator } });
    }
  }
}

/** Judges what is no program. @param endOffset where the flatbuffer ends. */
export function judgeContents(judging: Judging, endOffset: number): void {
  judgeUnusedBuffers(judging);
  judgeMetadata(judging);
  judgeExternal(judging);
  judgeState(judging);
  judgeAppended(judging, endOffset);
}
