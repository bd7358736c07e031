// Is this the beginning of a pickle that calls something? The opcodes are walked, never run (pickletools of CPython 3.13 has the
// facts): names of what it imports are read off. A pickle that imports nothing is harmless and passed over.
import type { SearchBudget } from './payload-types.ts';

/**
 * Bytes after an opcode; -1 a line, -2 two lines, -3 length in one byte, -4 in four, -8 in eight. Opcodes that are not here end
 * the walk.
 */
const argumentBytes: ReadonlyMap<number, number> = new Map([
  ...[...'(.012Qb)]}easoldtuR^'].map((character) => [character.charCodeAt(0), 0] as const),
  ...[...'FILSVPpg'].map((character) => [character.charCodeAt(0), -1] as const),
  ...[...'ci'].map((character) => [character.charCodeAt(0), -2] as const),
  ...[...'Kqh'].map((character) => [character.charCodeAt(0), 1] as const),
  ...[...'Jrj'].map((character) => [character.charCodeAt(0), 4] as const),
  [0x4d, 2], // M
  [0x47, 8], // G
  [0x4e, 0], // N
  [0x55, -3], // U
  [0x43, -3], // C
  [0x54, -4], // T
  [0x42, -4], // B
  [0x58, -4], // X
  [0x80, 1],
  [0x81, 0],
  [0x82, 1],
  [0x83, 2],
  [0x84, 4],
  [0x85, 0],
  [0x86, 0],
  [0x87, 0],
  [0x88, 0],
  [0x89, 0],
  [0x8a, -3],
  [0x8b, -4],
  [0x8c, -3],
  [0x8d, -8],
  [0x8e, -8],
  [0x8f, 0],
  [0x90, 0],
  [0x91, 0],
  [0x92, 0],
  [0x93, 0],
  [0x94, 0],
  [0x95, 8],
  [0x96, -8],
  [0x97, 0],
  [0x98, 0],
]);
const calls: ReadonlySet<number> = new Set([0x52, 0x81, 0x92, 0x6f, 0x69, 0x62]);
const identifier = /^[A-Za-z_][A-Za-z0-9_.]{0,100}$/;
/** Modules that a program is started or changed with. */
const dangerous =
  /^(?:os|posix|nt|subprocess|sys|socket|shutil|runpy|importlib|ctypes|pty|code|commands|marshal|types|pickle|operator|webbrowser|multiprocessing|asyncio|urllib|http|requests|timeit|pdb|pip|tensorflow\.python\.platform|builtins|__builtin__)(?:\.|$)/;
const harmlessBuiltins =
  /^(?:builtins|__builtin__)\.(?:set|frozenset|list|dict|tuple|int|float|complex|bytes|bytearray|str|slice|range|object|type)$/;
const walkBytes = 4096;

export interface PickleHead {
  readonly globals: readonly string[];
  readonly isDangerous: boolean;
}

/** The pickle at `at`, when it imports and calls something in its first kilobytes. */
export function pickleHead(bytes: Buffer, start: number, budget: SearchBudget): PickleHead | undefined {
  if (bytes[start] !== 0x80 || bytes[start + 1] < 2 || bytes[start + 1] > 5) return undefined;
  const end = Math.min(bytes.length, start + walkBytes);
  const globals: string[] = [];
  const strings: string[] = [];
  let hasCall = false;
  let at = start + 2;
  while (at < end && globals.length < 20) {
    budget.steps--;
    const opcode = bytes[at++];
    const argument = argumentBytes.get(opcode);
    // A head inside of a pickle means another one, which the search meets by itself.
    if (argument === undefined || opcode === 0x80) break;
    if (calls.has(opcode)) hasCall ||= globals.length > 0;
    if (opcode === 0x2e) break;
    if (opcode === 0x93) {
      const [module, name] = strings.slice(-2);
      if (module === undefined || name === undefined || !identifier.test(module) || !identifier.test(name)) break;
      globals.push(`${module}.${name}`);
    }
    const next = argumentEnd(bytes, at, argument);
    if (next === undefined) break;
    if (argument === -2) {
      const [module = '', name = ''] = bytes.toString('latin1', at, next).split('\n');
      if (!identifier.test(module) || !identifier.test(name)) break;
      globals.push(`${module}.${name}`);
      hasCall ||= opcode === 0x69;
    } else if (opcode === 0x8c || opcode === 0x58) {
      strings.push(bytes.toString('latin1', at + (opcode === 0x58 ? 4 : 1), Math.min(next, at + 120)));
    }
    at = next;
  }
  if (globals.length === 0 || !hasCall) return undefined;
  return { globals, isDangerous: globals.some((name) => dangerous.test(name) && !harmlessBuiltins.test(name)) };
}

function argumentEnd(bytes: Buffer, at: number, argument: number): number | undefined {
  if (argument >= 0) return at + argument;
  if (argument === -1 || argument === -2) {
    let end = at;
    for (let line = 0; line < -argument; line++) {
      const newline = bytes.subarray(end, end + 256).indexOf(0x0a);
      if (newline === -1) return undefined;
      end += newline + 1;
    }
    return end;
  }
  if (at - argument > bytes.length + 2) return undefined;
  if (argument === -3) return at < bytes.length ? at + 1 + bytes[at] : undefined;
  if (argument === -4) return at + 4 <= bytes.length ? at + 4 + bytes.readUInt32LE(at) : undefined;
  return at + 8 <= bytes.length ? at + 8 + Number(bytes.readBigUInt64LE(at)) : undefined;
}
