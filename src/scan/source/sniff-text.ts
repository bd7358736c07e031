// What a text is: JSON by the keys of its outermost object, protobuf's text format by the fields of its outermost message, code by how it
// begins. One pass, nothing is built; JSON is read as Python reads it (NaN, a byte order mark).
import type { Source } from '../scan-context.ts';
import type { Format } from './formats.ts';
import { readUpTo } from './memory-source.ts';
import { sniffJson } from './sniff-json.ts';
import { textPieces } from './text-pieces.ts';

const headBytes = 64 * 1024;
const maxNameBytes = 256;
/** Outermost words without a colon or bracket: a value and the next name are two. More are prose or a list, which need not be gone through. */
const maxWords = 8;

const code = (character: string): number => character.charCodeAt(0);
const [quote, apostrophe, backslash, newline, hash] = ['"', "'", '\\', '\n', '#'].map(code);
const opening: ReadonlySet<number> = new Set(['{', '[', '<'].map(code));
const closing: ReadonlySet<number> = new Set(['}', ']', '>'].map(code));

/** Text without NUL and other bytes that no text has; UTF-8 or a Latin alphabet. */
function isTextHead(head: Buffer): boolean {
  let odd = 0;
  for (const byte of head) {
    if (byte === 0) return false;
    if (byte < 0x20 && byte !== 9 && byte !== 10 && byte !== 13 && byte !== 12 && byte !== 0x1b) odd++;
  }
  if (odd > head.length / 200) return false;
  // High bytes must be UTF-8 (a character may be cut at the end), otherwise weights would count as text.
  const sample = head.subarray(0, Math.max(0, head.length - 4));
  return !sample.toString('utf8').includes('\ufffd') || head.length < 4;
}

const textFields: ReadonlyMap<string, Format> = new Map<string, Format>([
  ['saved_model_schema_version', 'saved-model-text'],
  ['meta_graphs', 'saved-model-text'],
  ['meta_info_def', 'meta-graph-text'],
  ['graph_def', 'meta-graph-text'],
  ['saver_def', 'meta-graph-text'],
  ['collection_def', 'meta-graph-text'],
  ['signature_def', 'meta-graph-text'],
  ['asset_file_def', 'meta-graph-text'],
  ['object_graph_def', 'meta-graph-text'],
  ['model_checkpoint_path', 'checkpoint-state'],
  ['all_model_checkpoint_paths', 'checkpoint-state'],
  ['node', 'graph-def-text'],
  ['library', 'graph-def-text'],
  ['versions', 'graph-def-text'],
]);

const isNameByte = (byte: number): boolean => (byte >= 0x61 && byte <= 0x7a) || (byte >= 0x41 && byte <= 0x5a) || byte === 0x5f;

/** The first field of the outermost message that says what it is; undefined when the text is not in this format. */
function sniffTextFormat(source: Source, start: number): Format | undefined {
  let name = '';
  let lastName = '';
  let inComment = false;
  let endOfString = 0;
  let isEscaped = false;
  let depth = 0;
  let words = 0;
  for (const chunk of textPieces(source, start)) {
    for (const byte of chunk) {
      if (inComment) inComment = byte !== newline;
      else if (endOfString !== 0) {
        if (isEscaped) isEscaped = false;
        else if (byte === backslash) isEscaped = true;
        else if (byte === endOfString) endOfString = 0;
      } else if (isNameByte(byte) || (name !== '' && byte >= 0x30 && byte <= 0x39)) {
        if (depth !== 0) continue;
        if (name.length >= maxNameBytes) return undefined;
        name += String.fromCharCode(byte);
      } else {
        if (name !== '') {
          [lastName, name] = [name, ''];
          if (++words > maxWords) return undefined;
        }
        if (byte === hash) inComment = true;
        else if (byte === quote || byte === apostrophe) endOfString = byte;
        else if (byte === 0x3a || opening.has(byte)) {
          if (depth === 0) {
            const format = textFields.get(lastName);
            if (format !== undefined) return format;
            // A word, a colon or a bracket: anything else at this level is no text format.
            if (lastName === '') return undefined;
          }
          if (opening.has(byte)) depth++;
          words = 0;
          if (byte !== 0x3a) lastName = '';
        } else if (closing.has(byte)) {
          if (--depth < 0) return undefined;
          lastName = '';
        } else if (depth === 0 && byte > 0x7f) return undefined;
      }
    }
  }
  return undefined;
}

const pythonLine =
  /^(?:import [\w.]+(?: as \w+)?(?:, ?[\w.]+)*|from [\w.]+ import [\w*(][\w ,*()]*|(?:async )?def \w+\(.*|class \w+[(:].*|@\w[\w.()]*)$/;
const dangerous =
  /\b(?:os\.(?:system|popen|exec\w*|spawn\w*|remove)|subprocess|__import__|eval\(|exec\(|socket\.|urllib|requests\.|ctypes|base64\.b64decode|marshal|pickle\.loads?)/;

/** Python by its first lines: two statements that no prose has, or one beside a call that code of an attack needs. */
function isPython(head: string): boolean {
  const lines = head.split('\n', 60).map((line) => line.trimEnd());
  const statements = lines.filter((line) => line.length < 300 && pythonLine.test(line)).length;
  return statements >= 2 || (statements === 1 && dangerous.test(head.slice(0, 8192)));
}

/** What a text is; undefined when it is no text. */
export function sniffText(source: Source): Format | undefined {
  const head = readUpTo(source, 0, headBytes);
  if (!isTextHead(head)) return undefined;
  const start = head.subarray(0, 3).equals(Buffer.from([0xef, 0xbb, 0xbf])) ? 3 : 0;
  let at = start;
  while (at < head.length && [9, 10, 11, 12, 13, 32].includes(head[at])) at++;
  if (at === head.length) return 'text';
  if (head[at] === 0x7b || head[at] === 0x5b) {
    const next =
      head
        .subarray(at + 1)
        .toString('latin1')
        .trimStart()[0] ?? '';
    // An object or a list; `[section]` of an INI file and `{{ template }}` are neither.
    if (head[at] === 0x7b ? '"}'.includes(next) : '"{[]0123456789-tfnNI'.includes(next)) return sniffJson(source, at);
  }
  const text = head.subarray(start).toString('latin1');
  if (/^(?:class_name:|keras_version:)|!!python\//m.test(text)) return 'keras-yaml';
  if (isPython(text)) return 'python';
  const format = sniffTextFormat(source, start);
  if (format !== undefined) return format;
  if (text.startsWith('---\n') || text.startsWith('%YAML')) return 'yaml';
  return 'text';
}
