// What a JSON document is, by the keys of its outermost object. Read as Python reads it (NaN is a number, keys may be escaped), in one pass and
// without building anything.
import type { Source } from '../scan-context.ts';
import type { Format } from './formats.ts';
import { textPieces } from './text-pieces.ts';

/** Keys of an object that are remembered, and how long one may be. */
const maxKeys = 1000;
const maxKeyBytes = 256;

const quote = 0x22;
const backslash = 0x5c;

function decodeKey(bytes: readonly number[]): string {
  const raw = Buffer.from(bytes).toString('utf8');
  try {
    // `\u006dodelTopology` is the same key.
    return String(JSON.parse(`"${raw}"`));
  } catch {
    return raw;
  }
}

function indexFrom(chunk: Buffer, byte: number, start: number): number {
  const at = chunk.indexOf(byte, start);
  return at === -1 ? chunk.length : at;
}

/** Keys of the outermost JSON object; of the objects in it when it is a list, marked by `isList`. */
function jsonKeys(source: Source, start: number): { readonly keys: ReadonlySet<string>; readonly isList: boolean } {
  const keys = new Set<string>();
  let text: number[] | undefined;
  let last: number[] | undefined;
  let isEscaped = false;
  let depth = 0;
  let keyDepth = 1;
  let isList = false;
  for (const chunk of textPieces(source, start)) {
    let nextQuote = -1;
    let nextBackslash = -1;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at];
      if (text !== undefined) {
        if (isEscaped) isEscaped = false;
        else if (byte === backslash) isEscaped = true;
        else if (byte === quote) {
          last = text;
          text = undefined;
          continue;
        } else if (text.length >= maxKeyBytes) {
          // A long string (weights in base64) is passed at the speed of memory.
          // Each is looked for once: a string of backslashes must not make this quadratic.
          if (nextQuote < at) nextQuote = indexFrom(chunk, quote, at);
          if (nextBackslash < at) nextBackslash = indexFrom(chunk, backslash, at);
          at = Math.min(nextQuote, nextBackslash) - 1;
          continue;
        }
        if (text.length < maxKeyBytes) text.push(byte);
      } else if (byte === quote) text = [];
      else if (byte === 0x7b || byte === 0x5b) {
        if (depth === 0 && byte === 0x5b) [isList, keyDepth] = [true, 2];
        depth++;
      } else if (byte === 0x7d || byte === 0x5d) depth--;
      else if (byte === 0x3a && last !== undefined && depth === keyDepth) {
        if (keys.size < maxKeys) keys.add(decodeKey(last));
        last = undefined;
      } else if (byte === 0x2c) last = undefined;
    }
  }
  return { keys, isList };
}

/** `start`: where the first bracket stands. */
export function sniffJson(source: Source, start: number): Format {
  const { keys, isList } = jsonKeys(source, start);
  if (isList) return keys.has('paths') && keys.has('weights') ? 'tfjs-model' : 'json';
  if (keys.has('modelTopology') || keys.has('weightsManifest') || keys.has('modelInitializer')) return 'tfjs-model';
  // Architectures of Keras 1 to 3; `config.json` of other libraries has neither.
  if (keys.has('class_name') || (keys.has('keras_version') && keys.has('config'))) return 'keras-json';
  if (keys.has('className') && keys.has('config')) return 'keras-json';
  return 'json';
}
