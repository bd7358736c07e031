// What bytes in attributes and small datasets are when they are no numbers: pickles, programs, scripts. Bytes are looked at, nothing is decoded
// beyond base64.
import { memorySource, sniffPickle } from '../source/index.ts';

export interface Blob {
  readonly ruleId: 'payload/hdf5-pickle' | 'payload/hdf5-code';
  readonly severity: 'high' | 'medium';
  /** With its article. */
  readonly what: string;
}

const magics: readonly (readonly [string, string])[] = [
  ['\x7fELF', 'an ELF program or library'],
  ['MZ\x90\0', 'a Windows program'],
  ['\xcf\xfa\xed\xfe', 'a macOS program'],
  ['\xca\xfe\xba\xbe', 'a macOS program or Java class'],
  ['\0asm', 'a WebAssembly module'],
  ['#!/', 'a script'],
  ['PK\x03\x04', 'a zip archive'],
];
const pythonSource =
  /(?:^|\n)\s{0,8}(?:import\s+(?:os|sys|subprocess|socket|ctypes|pickle|base64|shutil|pty)\b|from\s+(?:os|subprocess|socket|ctypes)\s+import)|\b__import__\s{0,4}\(|\bos\.system\s{0,4}\(|\bsubprocess\.\w{1,20}\s{0,4}\(|\bexec\s{0,4}\(\s{0,4}(?:base64|compile|['"])|\beval\s{0,4}\(/;
const maxLookedBytes = 4 * 1024 ** 2;

function judgeBytes(bytes: Buffer, how: string): Blob | undefined {
  const pickle = bytes.length < 4 ? undefined : sniffPickle(memorySource('value', bytes));
  if (pickle !== undefined) {
    const calls = pickle.globals.length === 0 ? '' : ` that calls ${pickle.globals.slice(0, 5).join(', ')}`;
    return { ruleId: 'payload/hdf5-pickle', severity: 'high', what: `a Python pickle${how}${calls}` };
  }
  // The oldest protocol has no header: a name alone is one when it is taken from a module and nothing else stands there.
  const old = /^c([A-Za-z_][\w.]{0,100})\n(\w{1,100})\n(?:.|\n){0,200}\.$/.exec(
    bytes.length > 400 ? '' : bytes.toString('latin1'),
  );
  if (old !== null)
    return { ruleId: 'payload/hdf5-pickle', severity: 'high', what: `a Python pickle${how} that names ${old[1]}.${old[2]}` };
  const head = bytes.toString('latin1', 0, 8);
  const magic = magics.find(([start]) => head.startsWith(start));
  if (magic !== undefined) return { ruleId: 'payload/hdf5-code', severity: 'high', what: `${magic[1]}${how}` };
  return undefined;
}

/** Judges one value. @param isText also look for source code and base64. */
export function judgeBlob(bytes: Buffer, isText: boolean): Blob | undefined {
  const raw = judgeBytes(bytes, '');
  if (raw !== undefined || !isText || bytes.length < 16) return raw;
  const text = bytes.toString('latin1', 0, maxLookedBytes);
  const match = pythonSource.exec(text);
  // A configuration of Keras in JSON has judges of its own.
  if (match !== null && text[0] !== '{')
    return { ruleId: 'payload/hdf5-code', severity: 'medium', what: `Python source code with "${match[0].trim()}"` };
  if (!/^[A-Za-z0-9+/\r\n]{16,}={0,2}\s{0,4}$/.test(text)) return undefined;
  return judgeBytes(Buffer.from(text, 'base64'), ' in base64');
}
