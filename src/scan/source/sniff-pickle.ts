// Is it a pickle, and what would it call? Walks the opcodes of Python's pickle format without building anything. A text or weights are not
// taken for one: every opcode up to STOP must be known and in bounds, and without the PROTO opcode something must be called.
import type { Source } from '../scan-context.ts';
import { readUpTo } from './memory-source.ts';

export interface PickleFacts {
  /** `os.system`: what GLOBAL and STACK_GLOBAL name, at most 20. */
  readonly globals: readonly string[];
  /** It calls something: REDUCE, INST, OBJ, NEWOBJ, BUILD. */
  readonly calls: boolean;
}

const maxWalkedBytes = 1024 ** 2;
const maxGlobals = 20;
const maxLineBytes = 4096;

/** What follows an opcode: so many bytes, one or two lines, or a length of 1, 4 or 8 bytes and as much as it says. */
type Operand = number | 'line' | 'lines' | 'size1' | 'size4' | 'size8';

const letters = (text: string, operand: Operand): readonly (readonly [number, Operand])[] =>
  [...text].map((letter) => [letter.charCodeAt(0), operand]);
const codes = (operand: Operand, ...numbers: readonly number[]): readonly (readonly [number, Operand])[] =>
  numbers.map((number) => [number, operand]);

const opcodes: ReadonlyMap<number, Operand> = new Map([
  ...letters('(.012NQRabdel]oqs}tu)', 0),
  ...letters('FILPSVgp', 'line'),
  ...letters('ci', 'lines'),
  ...letters('Khq', 1),
  ...letters('M', 2),
  ...letters('Jjr', 4),
  ...letters('G', 8),
  ...letters('UC', 'size1'),
  ...letters('TBX', 'size4'),
  ...codes('size1', 0x8c, 0x8a),
  ...codes('size4', 0x8b),
  ...codes('size8', 0x8d, 0x8e, 0x96),
  ...codes(1, 0x80, 0x82),
  ...codes(2, 0x83),
  ...codes(4, 0x84),
  ...codes(8, 0x95),
  ...codes(0, 0x81, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8f, 0x90, 0x91, 0x92, 0x93, 0x94, 0x97, 0x98),
]);

const callers: ReadonlySet<number> = new Set([0x52, 0x69, 0x6f, 0x81, 0x92, 0x62]);
const strings: ReadonlySet<number> = new Set([0x55, 0x8c, 0x58, 0x8d, 0x54, 0x53, 0x56]);

/** The pickle at the beginning of `source`, or undefined. Linear; at most the first MiB is walked. */
export function sniffPickle(source: Source): PickleFacts | undefined {
  if (source.sizeBytes < 2) return undefined;
  const first = source.read(0, 1)[0];
  if (!opcodes.has(first) || first === 0x2e) return undefined;
  const bytes = readUpTo(source, 0, maxWalkedBytes);
  const hasHeader = first === 0x80;
  if (hasHeader && (bytes[1] < 2 || bytes[1] > 5)) return undefined;
  const globals: string[] = [];
  const recent: string[] = [];
  let calls = false;
  let count = 0;
  for (let position = 0; position < bytes.length; count++) {
    const code = bytes[position++];
    const shape = opcodes.get(code);
    if (shape === undefined) return undefined;
    let start = position;
    let end = position;
    if (typeof shape === 'number') end += shape;
    else if (shape === 'line' || shape === 'lines') {
      for (let line = 0; line < (shape === 'line' ? 1 : 2); line++) {
        const newline = bytes.subarray(end, end + maxLineBytes).indexOf(0x0a);
        if (newline === -1) return undefined;
        end += newline + 1;
      }
    } else {
      const sizeBytes = Number(shape.slice(4));
      if (position + sizeBytes > bytes.length) break;
      start += sizeBytes;
      end = start + Number(sizeBytes === 8 ? bytes.readBigUInt64LE(position) : bytes.readUIntLE(position, sizeBytes));
    }
    const operand = () => bytes.toString('latin1', start, Math.min(end, start + 200));
    if (strings.has(code)) {
      recent.push(operand());
      if (recent.length > 2) recent.shift();
    }
    if (code === 0x63 || code === 0x69) {
      const name = operand().split('\n').slice(0, 2).join('.');
      if (!/^[\w.]+$/.test(name)) return undefined;
      if (globals.length < maxGlobals) globals.push(name);
    }
    if (code === 0x93 && globals.length < maxGlobals) globals.push(recent.join('.'));
    if (callers.has(code)) calls = true;
    if (code === 0x2e) return hasHeader || (globals.length > 0 && calls) ? { globals, calls } : undefined;
    position = end;
  }
  // Longer than what is walked, or its last string runs past the end: with a header and some opcodes it is one, cut short.
  const isLonger = source.sizeBytes > bytes.length;
  if (!hasHeader) return isLonger && globals.length > 0 && calls ? { globals, calls } : undefined;
  return count > (isLonger ? 8 : 16) ? { globals, calls } : undefined;
}
