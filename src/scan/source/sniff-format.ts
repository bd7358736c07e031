// Finds out what a file is, by its content and never by its name. Files that are two things at once are said to be both: whoever looks with
// another program sees the other one.
import { maskedCrc32c } from '../../model/index.ts';
import type { Source } from '../scan-context.ts';
import type { Format } from './formats.ts';
import { readUpTo } from './memory-source.ts';
import { sniffMagic } from './sniff-magic.ts';
import { sniffPickle } from './sniff-pickle.ts';
import { sniffProtobuf } from './sniff-protobuf.ts';
import { sniffText } from './sniff-text.ts';
import { findZipDirectory, zipNames } from './zip-directory.ts';

function zipFormat(source: Source): Format {
  const names = zipNames(source);
  const base = (name: string) => name.slice(name.lastIndexOf('/') + 1);
  const isKeras =
    names.includes('config.json') && (names.includes('metadata.json') || names.some((name) => name.startsWith('model.weights')));
  if (isKeras) return 'keras-archive';
  if (names.some((name) => base(name) === 'data.pkl')) return 'torch-archive';
  if (names.includes('META-INF/MANIFEST.MF') || names.some((name) => name.endsWith('.class'))) return 'jar';
  if (names.length > 0 && names.every((name) => name.endsWith('.npy'))) return 'numpy-archive';
  return 'zip';
}

/** TFRecord: the length of the first record and its checksum. */
function isTfrecord(source: Source): boolean {
  const head = readUpTo(source, 0, 12);
  return head.length === 12 && head.readUInt32LE(8) === maskedCrc32c(head.subarray(0, 8));
}

function primaryFormats(source: Source): readonly Format[] {
  const format = sniffMagic(source);
  if (format === 'zip') return [zipFormat(source)];
  if (format !== undefined) return [format];
  if (isTfrecord(source)) return ['tfrecord'];
  const message = sniffProtobuf(source);
  if (message.length > 0) return message;
  // Before text: the oldest pickles are text.
  if (sniffPickle(source) !== undefined) return ['pickle'];
  return [sniffText(source) ?? 'unknown'];
}

/** All that a file is, the likeliest first; never empty. */
export function sniffFormats(source: Source): readonly Format[] {
  const formats = primaryFormats(source);
  const isZip = ['zip', 'keras-archive', 'torch-archive', 'jar', 'numpy-archive'].includes(formats[0]);
  // Readers of zip look at the end of a file and do not mind what comes first.
  const directory = isZip || source.sizeBytes === 0 ? undefined : findZipDirectory(source);
  if (directory === undefined) return formats;
  // The last member of a tar may be a stored zip; its blocks of zeros follow then.
  const isMember = formats[0] === 'tar' && directory.end + directory.commentBytes < source.sizeBytes;
  return isMember ? formats : [...formats, zipFormat(source)];
}

/** What a file most likely is. */
export function sniffFormat(source: Source): Format {
  return sniffFormats(source)[0];
}
