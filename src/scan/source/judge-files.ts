// Judges the files of a folder or archive as files: code and executables beside a model, links, special files, names that lie. What a model
// file says inside is for its own reader.
import { isAirlockError, printable } from '../../core/index.ts';
import type { ScanContext, Source } from '../scan-context.ts';
import type { Severity } from '../scan-types.ts';
import { type FolderEntry, type FolderView, resolveEntry } from './folder-view.ts';
import { type Format, formatKind, formatTitle } from './formats.ts';
import { judgeWarmup } from './judge-warmup.ts';
import { reportFile } from './report-file.ts';
import { sniffFormats } from './sniff-format.ts';
import { sniffPickle } from './sniff-pickle.ts';

const bidi = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters in names are what this looks for.
const control = /[\x00-\x1f\x7f-\x9f]/;

/** Files whose name says code, whatever they begin with: a script may begin with anything. */
const codeNames: ReadonlyMap<string, string> = new Map([
  ['py', 'Python source code'],
  ['pyw', 'Python source code'],
  ['pyx', 'Cython source code'],
  ['pyc', 'compiled Python'],
  ['pth', 'a Python path file, which runs its lines at start-up'],
  ['sh', 'a shell script'],
  ['bash', 'a shell script'],
  ['bat', 'a batch file'],
  ['cmd', 'a batch file'],
  ['ps1', 'a PowerShell script'],
  ['vbs', 'a Visual Basic script'],
  ['pl', 'a Perl script'],
  ['rb', 'a Ruby script'],
  ['lua', 'a Lua script'],
  ['jar', 'a Java archive'],
  ['class', 'a Java class'],
  ['egg', 'a Python package'],
  ['whl', 'a Python package'],
]);
const nativeNames = /\.(?:so(?:\.[0-9]+)*|dll|dylib|exe|pyd|msi)$/i;
const pickleNames = /\.(?:pkl|pickle|joblib|dill|pt)$/i;

/** What a name promises, where it promises something that a person relies on. Other names promise nothing. */
const promises: readonly { readonly pattern: RegExp; readonly formats: ReadonlySet<Format> }[] = [
  { pattern: /\.(?:png|jpe?g|gif|bmp|webp|tiff?|ico|svg)$/i, formats: new Set(['image', 'text', 'unknown', 'empty']) },
  {
    pattern: /\.(?:txt|md|rst|csv|tsv|vocab|license|log)$/i,
    formats: new Set(['text', 'json', 'yaml', 'empty', 'unknown', 'checkpoint-state']),
  },
  { pattern: /\.json$/i, formats: new Set(['json', 'tfjs-model', 'keras-json', 'text', 'empty']) },
  { pattern: /\.keras$/i, formats: new Set(['keras-archive', 'zip', 'empty']) },
  { pattern: /\.(?:h5|hdf5)$/i, formats: new Set(['hdf5', 'empty']) },
  { pattern: /\.tflite$/i, formats: new Set(['tflite', 'empty']) },
  {
    pattern: /\.pbtxt$/i,
    formats: new Set(['saved-model-text', 'graph-def-text', 'meta-graph-text', 'checkpoint-state', 'text', 'yaml', 'empty']),
  },
  {
    pattern: /\.pb$/i,
    formats: new Set([
      'saved-model',
      'graph-def',
      'meta-graph',
      'keras-metadata',
      'fingerprint',
      'unknown',
      'empty',
      'graph-def-text',
      'saved-model-text',
      'meta-graph-text',
      'text',
    ]),
  },
];

const extensionOf = (name: string): string => /\.([A-Za-z0-9]+)$/.exec(name)?.[1]?.toLowerCase() ?? '';

function pickleDetails(source: Source): string {
  const names = sniffPickle(source)?.globals ?? [];
  return names.length === 0
    ? ''
    : `; it names ${names
        .slice(0, 5)
        .map((name) => printable(name))
        .join(', ')}`;
}

interface Looked {
  readonly file: string;
  readonly name: string;
  readonly source: Source;
  readonly formats: readonly Format[];
}

/** Code, executables and pickles by content first and by name second. Gives true when it was one. */
function judgePayload({ file, name, source, formats }: Looked, context: ScanContext): boolean {
  const format = formats.find((candidate) => ['executable', 'code', 'pickle'].includes(formatKind(candidate)));
  const kind = format === undefined ? undefined : formatKind(format);
  const title = format === undefined ? '' : formatTitle(format);
  const promised = promises.some(({ pattern }) => pattern.test(name));
  if (promised && kind !== undefined) {
    reportFile(context, 'payload/disguised', {
      file,
      severity: kind === 'executable' ? 'high' : 'medium',
      message: `${file} is ${title} and named as something else${kind === 'pickle' ? pickleDetails(source) : ''}`,
    });
    return true;
  }
  if (kind === 'executable' || nativeNames.test(name)) {
    const what = kind === 'executable' ? title : 'named as native code';
    reportFile(context, 'payload/native-code', { file, message: `${file} is ${what}: it runs when something loads it` });
    return true;
  }
  if (kind === 'pickle' || (pickleNames.test(name) && formats[0] !== 'zip')) {
    const what = kind === 'pickle' ? title : 'named as a pickle';
    reportFile(context, 'payload/pickle', {
      file,
      message: `${file} is ${what}: loading it calls what it names${pickleDetails(source)}`,
    });
    return true;
  }
  const named = codeNames.get(extensionOf(name));
  if (kind !== 'code' && named === undefined) return false;
  const isSample = /(?:^|\/)\.git\/hooks\/[^/]+\.sample$/.test(name) || (kind !== 'code' && formats[0] === 'empty');
  if (!isSample)
    reportFile(context, 'payload/script', {
      file,
      message: `${file} is ${kind === 'code' ? title : named}: code beside a model`,
    });
  return true;
}

function judgePromise({ file, name, formats }: Looked, context: ScanContext): void {
  const broken = promises.find(({ pattern }) => pattern.test(name));
  if (broken === undefined || broken.formats.has(formats[0])) return;
  // Another model or an archive under a model's name is opened by whoever looks at content, and overlooked by whoever does not.
  const severity: Severity =
    ['model', 'archive'].includes(formatKind(formats[0])) && !/\.(?:txt|md|json)$/i.test(name) ? 'medium' : 'low';
  reportFile(context, 'payload/disguised', {
    file,
    severity,
    message: `${file} is ${formatTitle(formats[0])}, not what its name says`,
  });
}

function judgePolyglot({ file, formats }: Looked, context: ScanContext): void {
  const [first, second] = formats;
  // Metadata of TensorFlow Lite is a zip behind the model.
  if (second === undefined || (first === 'tflite' && second === 'zip')) return;
  reportFile(context, 'parser-differential/polyglot', {
    file,
    trigger: 'parse',
    message: `${file} is ${formatTitle(first)} and ${formatTitle(second)} at once`,
  });
}

/**
 * Judges one file by content and name; `scanFile` of the engine calls it for a file that was given by itself.
 * @param name below the folder, for what a name promises.
 */
export function judgeFile(source: Source, name: string, context: ScanContext): readonly Format[] {
  const formats = sniffFormats(source);
  const looked: Looked = { file: source.name, name, source, formats };
  judgePolyglot(looked, context);
  if (!judgePayload(looked, context)) judgePromise(looked, context);
  return formats;
}

const isBelowAssets = (name: string): boolean => /(?:^|\/)assets(?:\.extra)?\//.test(name);

function judgeContent(folder: FolderView, entry: FolderEntry, context: ScanContext): void {
  const file = `${folder.label}${entry.name}`;
  try {
    const source = folder.open(entry.name);
    // Data files of a checkpoint are random bytes to a sniffer; whoever reads the checkpoint looks into them.
    if (/\.data-[0-9]{5}-of-[0-9]{5}$/.test(entry.name)) return;
    const formats = judgeFile(source, entry.name, context);
    if (formatKind(formats[0]) === 'packed') {
      const message = `${file} is ${formatTitle(formats[0])}, which cannot be opened here`;
      reportFile(context, 'payload/packed', { file, message });
      if (!isBelowAssets(entry.name)) context.unreadable(file, message);
    }
    if (/(?:^|\/)assets\.extra\/tf_serving_warmup_requests$/.test(entry.name)) judgeWarmup(source, context);
  } catch (thrown) {
    if (!isAirlockError(thrown)) throw thrown;
    context.unreadable(file, thrown.message);
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
 */
export function judgeFiles(folder: FolderView, context: ScanContext): void {
  const entries = new Map(folder.entries.map((entry) => [entry.name, entry]));
  for (const entry of folder.entries) {
    const file = `${folder.label}${entry.name}`;
    judgeName(folder, entry.name, context);
    if (entry.kind === 'symlink') judgeLink(folder, entry, entries, context);
    else if (entry.kind === 'file') judgeContent(folder, entry, context);
    else if (entry.kind !== 'folder') {
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
}
