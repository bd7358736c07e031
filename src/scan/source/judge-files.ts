// Judges the files of a folder or archive as files: code and executables beside a model, links, special files, names that lie. What a model
// file says inside is for its own reader.
import { isAirlockError } from '../../core/index.ts';
import type { ScanContext } from '../scan-context.ts';
import { type FolderEntry, type FolderView, resolveEntry } from './folder-view.ts';
import { type Format, formatKind, formatTitle } from './formats.ts';
import { judgeFile } from './judge-content.ts';
import { judgeWarmup } from './judge-warmup.ts';
import { reportFile } from './report-file.ts';

const bidi = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters in names are what this looks for.
const control = /[\x00-\x1f\x7f-\x9f]/;

const isBelowAssets = (name: string): boolean => /(?:^|\/)assets(?:\.extra)?\//.test(name);

/** @returns what the file is, nothing when it cannot be read, undefined when that is not looked at. */
function judgeContent(folder: FolderView, entry: FolderEntry, context: ScanContext): readonly Format[] | undefined {
  const file = `${folder.label}${entry.name}`;
  try {
    const source = folder.open(entry.name);
    // Data files of a checkpoint are random bytes to a sniffer; whoever reads the checkpoint looks into them.
    if (/\.data-[0-9]{5}-of-[0-9]{5}$/.test(entry.name)) return undefined;
    const formats = judgeFile(source, entry.name, context);
    if (formatKind(formats[0]) === 'packed') {
      const message = `${file} is ${formatTitle(formats[0])}, which cannot be opened here`;
      reportFile(context, 'payload/packed', { file, message });
      if (!isBelowAssets(entry.name)) context.unreadable(file, message);
    }
    if (/(?:^|\/)assets\.extra\/tf_serving_warmup_requests$/.test(entry.name)) judgeWarmup(source, context);
    return formats;
  } catch (thrown) {
    if (!isAirlockError(thrown)) throw thrown;
    context.unreadable(file, thrown.message);
    return [];
  }
}

function judgeName(folder: FolderView, name: string, context: ScanContext): void {
  const part = name.slice(name.lastIndexOf('/') + 1);
  if (!control.test(part) && !bidi.test(part)) return;
  const file = `${folder.label}${name}`;
  const isReordered = bidi.test(part);
  const what = isReordered ? 'marks that reorder what is shown' : 'control characters';
  reportFile(context, 'payload/odd-name', {
    file,
    severity: isReordered ? 'medium' : 'low',
    message: `The name of ${file} has ${what}`,
  });
}

function judgeLink(
  folder: FolderView,
  entry: FolderEntry,
  entries: ReadonlyMap<string, FolderEntry>,
  context: ScanContext,
): void {
  const file = `${folder.label}${entry.name}`;
  const target = entry.linkTarget ?? '';
  const argument = { name: 'target', value: target };
  const { outcome } = resolveEntry(entries, entry.name);
  if (outcome === 'outside') {
    const message = `${file} is a symbolic link to ${target}, outside of the model: TensorFlow reads that file when it reads ${file}`;
    reportFile(context, 'path-traversal/symlink', { file, message, argument, trigger: 'load' });
    context.unreadable(file, `it is a symbolic link to ${target}`);
    return;
  }
  const how = outcome === 'inside' ? 'inside the model' : outcome === 'loop' ? 'that leads to itself' : 'to nothing';
  reportFile(context, 'path-traversal/inner-symlink', {
    file,
    severity: outcome === 'inside' ? 'low' : 'medium',
    message: `${file} is a symbolic link ${how}: ${target}`,
    argument,
  });
}

/**
 * Judges everything in `folder` as files. What cannot be opened is reported as unreadable. Contents of archives and models are judged by
 * whoever reads them.
 * @returns what each file is, by its name, so that nobody has to find out again; nothing for those that cannot be read, which was said. Data
 * files of checkpoints are not there.
 */
export function judgeFiles(folder: FolderView, context: ScanContext): ReadonlyMap<string, readonly Format[]> {
  const found = new Map<string, readonly Format[]>();
  const entries = new Map(folder.entries.map((entry) => [entry.name, entry]));
  for (const entry of folder.entries) {
    const file = `${folder.label}${entry.name}`;
    judgeName(folder, entry.name, context);
    if (entry.kind === 'symlink') judgeLink(folder, entry, entries, context);
    else if (entry.kind === 'file') {
      const formats = judgeContent(folder, entry, context);
      if (formats !== undefined) found.set(entry.name, formats);
    } else if (entry.kind !== 'folder') {
      const what = { fifo: 'a named pipe', socket: 'a socket', device: 'a device' }[entry.kind];
      reportFile(context, 'hang/special-file', {
        file,
        trigger: 'load',
        message: `${file} is ${what}: whoever opens it may wait for ever`,
      });
    }
    if (entry.kind === 'file' && (entry.mode & 0o6000) !== 0) {
      reportFile(context, 'payload/setuid', { file, message: `${file} has the set-user-ID or set-group-ID bit` });
    }
  }
  return found;
}
