// What the first bytes of a file say. Magics of two bytes are not believed without a look at what must follow: weights are random bytes,
// and one in 65,536 of them begins with any two.
import type { Source } from '../scan-context.ts';
import type { Format } from './formats.ts';
import { readUpTo } from './memory-source.ts';

interface Magic {
  readonly format: Format;
  readonly bytes: Buffer;
  readonly offset: number;
}

const magic = (format: Format, hex: string, offset = 0): Magic => ({ format, bytes: Buffer.from(hex, 'hex'), offset });
const word = (format: Format, text: string, offset = 0): Magic => ({ format, bytes: Buffer.from(text, 'latin1'), offset });

const magics: readonly Magic[] = [
  magic('saved-model-chunked', '83af70d10d884a3f'),
  magic('zip', '504b0304'),
  magic('zip', '504b0506'),
  magic('gzip', '1f8b08'),
  magic('xz', 'fd377a585a00'),
  magic('zstd', '28b52ffd'),
  magic('lz4', '04224d18'),
  magic('7z', '377abcaf271c'),
  word('rar', 'Rar!\x1a\x07'),
  word('cab', 'MSCF\0\0\0\0'),
  word('gguf', 'GGUF'),
  magic('wasm', '0061736d01000000'),
  word('native-archive', '!<arch>\n'),
  magic('llvm-bitcode', '4243c0de'),
  word('dex', 'dex\n0'),
  word('database', 'SQLite format 3\0'),
  word('table', 'PAR1'),
  word('table', 'ARROW1'),
  word('pdf', '%PDF-'),
  magic('image', '89504e470d0a1a0a'),
  magic('image', 'ffd8ff'),
  word('image', 'GIF87a'),
  word('image', 'GIF89a'),
  word('image', 'WEBP', 8),
  magic('image', '49492a00'),
  magic('image', '4d4d002a'),
  word('audio', 'WAVE', 8),
  word('audio', 'OggS'),
  word('audio', 'fLaC'),
  word('audio', 'ID3'),
  word('audio', 'ftyp', 4),
];

const headBytes = 4096;
const maxHeaderBytes = 100 * 1024 ** 2;

function isElf(head: Buffer): boolean {
  return head.length >= 16 && head.readUInt32BE(0) === 0x7f454c46 && [1, 2].includes(head[4]) && [1, 2].includes(head[5]);
}

function isPe(source: Source, head: Buffer): boolean {
  if (head.length < 64 || head.toString('latin1', 0, 2) !== 'MZ') return false;
  return readUpTo(source, head.readUInt32LE(60), 4).equals(Buffer.from('PE\0\0', 'latin1'));
}

function machO(head: Buffer): Format | undefined {
  if (head.length < 16) return undefined;
  const first = head.readUInt32BE(0);
  if (first === 0xcafebabe || first === 0xcafebabf) {
    // A Java class has the same magic; its version, 45 and above, stands where a fat binary counts its few architectures.
    const count = head.readUInt32BE(4);
    if (count > 0 && count < 45) return 'mach-o';
    return first === 0xcafebabe && head.readUInt16BE(6) >= 45 && head.readUInt16BE(6) < 200 ? 'java-class' : undefined;
  }
  const isBig = first === 0xfeedface || first === 0xfeedfacf;
  if (!isBig && first !== 0xcefaedfe && first !== 0xcffaedfe) return undefined;
  const fileType = head.length < 16 ? 0 : isBig ? head.readUInt32BE(12) : head.readUInt32LE(12);
  return fileType >= 1 && fileType <= 12 ? 'mach-o' : undefined;
}

function isPythonBytecode(head: Buffer): boolean {
  if (head.length < 17 || head[2] !== 0x0d || head[3] !== 0x0a) return false;
  const version = head.readUInt16LE(0);
  // The rest of the header is flags, time and size; then a marshalled code object (type c, perhaps with the reference bit).
  const isNew = version >= 3390 && version < 4000 && head.readUInt32LE(4) <= 3;
  return (isNew && (head[16] & 0x7f) === 0x63) || (version >= 3000 && version < 3390 && (head[12] & 0x7f) === 0x63);
}

function numpyFormat(head: Buffer): Format {
  const header = head.toString('latin1', 0, 1024);
  // Object arrays are pickles inside: numpy.load(allow_pickle=True) runs them.
  return /'descr':[^}]{0,200}'[|<>=]?O/.test(header) ? 'numpy-objects' : 'numpy';
}

function isSafetensors(source: Source, head: Buffer): boolean {
  if (head.length < 10) return false;
  const headerBytes = Number(head.readBigUInt64LE(0));
  return (
    headerBytes >= 2 && headerBytes <= Math.min(maxHeaderBytes, source.sizeBytes - 8) && head[8] === 0x7b && head[9] === 0x22
  );
}

/** The signature may stand at 0, 512, 1024, 2048 and so on, after a user block. */
function isHdf5(source: Source): boolean {
  const signature = Buffer.from('894844460d0a1a0a', 'hex');
  for (let offset = 0; offset + 8 <= source.sizeBytes; offset = offset === 0 ? 512 : offset * 2) {
    if (source.read(offset, 8).equals(signature)) return true;
  }
  return false;
}

function tarChecksumFits(head: Buffer): boolean {
  if (head.length < 512) return false;
  const written = Number.parseInt(head.toString('latin1', 148, 156).replace(/\0.*$/s, '').trim(), 8);
  if (!Number.isFinite(written) || written === 0 || head[0] === 0) return false;
  let sum = 8 * 0x20;
  for (let index = 0; index < 512; index++) if (index < 148 || index >= 156) sum += head[index];
  return sum === written;
}

/**
 * TensorFlow Lite: by its identifier, or by what the root table must look like (version 3, lists of operator codes and subgraphs), because
 * a file without the identifier is still a model for whoever does not check it.
 */
function isTflite(source: Source, head: Buffer): boolean {
  if (head.length < 16) return false;
  if (head.toString('latin1', 4, 8) === 'TFL3') return true;
  const root = head.readUInt32LE(0);
  if (root < 8 || root + 4 > source.sizeBytes) return false;
  const table = root - readUpTo(source, root, 4).readInt32LE(0);
  const vtable = readUpTo(source, Math.max(table, 0), 14);
  if (table < 4 || vtable.length < 14) return false;
  const [sizeBytes, tableBytes, version, codes, graphs] = [0, 2, 4, 6, 8].map((offset) => vtable.readUInt16LE(offset));
  const isPlausible = sizeBytes >= 10 && sizeBytes <= 64 && sizeBytes % 2 === 0 && tableBytes >= 16 && tableBytes <= 256;
  const fieldsFit = [version, codes, graphs].every((offset) => offset >= 4 && offset + 4 <= tableBytes);
  if (!isPlausible || !fieldsFit) return false;
  const versionBytes = readUpTo(source, root + version, 4);
  return versionBytes.length === 4 && versionBytes.readUInt32LE(0) === 3;
}

/** The table of a checkpoint index ends in LevelDB's magic. Version 1 (SavedTensorSlices) and 2 differ in what the empty key holds. */
function tableFormat(source: Source, head: Buffer): Format | undefined {
  if (source.sizeBytes < 48) return undefined;
  if (!source.read(source.sizeBytes - 8, 8).equals(Buffer.from('57fb808b247547db', 'hex'))) return undefined;
  // An entry: shared, own and value length, the key (empty), the value. A Snappy block begins with its size and the length of a literal.
  for (const start of [0, 2, 3, 4, 5]) {
    if (head[start] !== 0 || head[start + 1] !== 0 || head[start + 2] === 0) continue;
    const value = head[start + 2] < 0x80 ? start + 3 : start + 4;
    if (head[value] === 0x08) return 'checkpoint-index';
    if (head[value] === 0x0a) return 'checkpoint-v1';
  }
  return 'checkpoint-index';
}

/** What fixed bytes say, without looking at the structure behind them. */
export function sniffMagic(source: Source): Format | undefined {
  if (source.sizeBytes === 0) return 'empty';
  const head = readUpTo(source, 0, headBytes);
  if (isElf(head)) return 'elf';
  if (isPe(source, head)) return 'pe';
  const apple = machO(head);
  if (apple !== undefined) return apple;
  if (isTflite(source, head)) return 'tflite';
  for (const { format, bytes, offset } of magics) {
    if (head.length >= offset + bytes.length && head.subarray(offset, offset + bytes.length).equals(bytes)) return format;
  }
  if (/^BZh[1-9]1AY&SY/.test(head.toString('latin1', 0, 10))) return 'bzip2';
  if (head.toString('latin1', 0, 6) === '\x93NUMPY') return numpyFormat(head);
  if (isPythonBytecode(head)) return 'python-bytecode';
  if (isHdf5(source)) return 'hdf5';
  if (head.toString('latin1', 257, 262) === 'ustar' || tarChecksumFits(head)) return 'tar';
  const table = tableFormat(source, head);
  if (table !== undefined) return table;
  if (isSafetensors(source, head)) return 'safetensors';
  if (head.toString('latin1', 0, 2) === '#!' && /^#! ?\/[ -~]+/.test(head.toString('latin1', 0, 80))) return 'script';
  return undefined;
}
