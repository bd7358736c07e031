// Judges one file by its content and what its name promises: code, executables and pickles, files that are two things, names that lie.
import { printable, type Severity } from '../../core/index.ts';
import type { ScanContext, Source } from '../scan-context.ts';
import { type Format, formatKind, formatTitle } from './formats.ts';
import { isPlainCode } from './plain-code.ts';
import { reportFile } from './report-file.ts';
import { sniffFormats } from './sniff-format.ts';
import { sniffPickle } from './sniff-pickle.ts';

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
  // Documents show code: what a README says about loading the model is no program.
  if (format === 'python' && /\.(?:md|rst)$/i.test(name)) return true;
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
      ...(isPlainCode(source, file) ? { severity: 'low' } : {}),
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
 * Judges one file by content and name, for a folder, or for a file that was given by itself.
 * @param name below the folder, for what a name promises.
 */
export function judgeFile(source: Source, name: string, context: ScanContext): readonly Format[] {
  const formats = sniffFormats(source);
  const looked: Looked = { file: source.name, name, source, formats };
  judgePolyglot(looked, context);
  if (!judgePayload(looked, context)) judgePromise(looked, context);
  return formats;
}
