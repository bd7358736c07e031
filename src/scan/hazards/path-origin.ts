// Where a path comes from and what it points at. An asset of the model is what exporting a vocabulary makes and is silent; everything else
// that a graph names is a file of the machine that serves, of another machine, or one that a request chooses.
import { type Argument, type ArgumentOrigin, origins } from '../scan-types.ts';
import type { Constant, Value } from '../values/index.ts';

export interface PathUse {
  readonly origin: ArgumentOrigin;
  /** The path, where it is known; its beginning with `…` where only that is. */
  readonly value?: string;
  /** How many other paths the argument names as well. */
  readonly more: number;
}

// Schemes that TensorFlow has a file system for in the process itself. ram:// is shared by everything in the process.
const localSchemes: ReadonlySet<string> = new Set(['file', 'ram']);
const schemePattern = /^([A-Za-z][A-Za-z0-9+.-]{0,31}):\/\//;

/** What a constant path is; undefined for the empty one, which names nothing. */
export function constantOrigin(path: string, assets: ReadonlySet<string>): ArgumentOrigin | undefined {
  if (path === '') return undefined;
  const scheme = schemePattern.exec(path)?.[1]?.toLowerCase();
  // Files inside of a memmapped package that was loaded with the model.
  if (scheme === 'memmapped_package' || path.startsWith('memmapped_package://')) return 'constant-inside';
  if (scheme !== undefined) return localSchemes.has(scheme) ? 'constant-outside' : 'remote';
  if (path.startsWith('/')) return 'constant-outside';
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) return 'constant-outside';
  return assets.has(parts.join('/')) ? 'constant-inside' : 'constant-outside';
}

function worse(a: ArgumentOrigin, b: ArgumentOrigin): boolean {
  return origins.indexOf(a) > origins.indexOf(b);
}

function text(bytes: Buffer): string {
  return bytes.toString('utf8');
}

/** How much a path says to whoever reads the finding: keys and passwords, then absolute ones, then those that climb. */
function tells(path: string): number {
  if (isSecret(path)) return 3;
  return path.startsWith('/') ? 2 : path.includes('..') ? 1 : 0;
}

/** The worst of constant paths; undefined when all are empty. */
export function constantPaths(paths: readonly string[], assets: ReadonlySet<string>): PathUse | undefined {
  let worst: PathUse | undefined;
  let count = 0;
  for (const path of paths) {
    const origin = constantOrigin(path, assets);
    if (origin === undefined) continue;
    count++;
    if (worst === undefined || worse(origin, worst.origin) || (origin === worst.origin && tells(path) > tells(worst.value ?? '')))
      worst = { origin, value: path, more: 0 };
  }
  return worst === undefined ? undefined : { ...worst, more: count - 1 };
}

function stringsOf(constants: readonly Constant[]): readonly string[] {
  return constants.flatMap(({ strings }) => (strings ?? []).map(text));
}

/** Where what is known only in part comes from. */
function partOrigin(value: Value): ArgumentOrigin {
  const { origins: from } = value;
  if (from.has('request')) return 'request';
  if (from.has('computed') || from.has('random') || from.has('file')) return 'computed';
  if (from.has('variable')) return 'variable';
  if (from.has('saver')) return 'saver';
  return from.size === 1 && from.has('asset') ? 'asset' : 'computed';
}

/** What an argument may name; undefined when it surely names nothing. An argument that is not there counts as computed. */
export function pathUse(value: Value | undefined, assets: ReadonlySet<string>): PathUse | undefined {
  if (value === undefined) return { origin: 'computed', more: 0 };
  // The path of an asset stands as a constant in the graph, and the loader feeds another one over it.
  if (value.origins.size === 1 && value.origins.has('asset')) return { origin: 'asset', more: 0 };
  if (value.constants !== undefined && !value.origins.has('asset') && !value.origins.has('saver')) {
    if (value.constants.every(({ strings }) => strings !== undefined)) return constantPaths(stringsOf(value.constants), assets);
  }
  const origin = partOrigin(value);
  const prefix = value.prefix;
  return prefix === undefined || prefix.length === 0 ? { origin, more: 0 } : { origin, value: `${text(prefix)}…`, more: 0 };
}

const words: Readonly<Record<ArgumentOrigin, string>> = {
  asset: 'an asset of the model',
  saver: 'the file name that the saver is given',
  'constant-inside': 'a file of the model',
  'constant-outside': '',
  remote: '',
  variable: 'what a variable holds',
  computed: 'what the graph computes',
  request: 'what the request says',
};

/** `/etc/passwd (and 2 more)`; `/data/… (what the request says)`. */
export function pathWords(use: PathUse): string {
  const more = use.more > 0 ? ` (and ${use.more} more)` : '';
  if (use.value === undefined) return words[use.origin];
  if (use.origin === 'constant-outside' || use.origin === 'remote' || use.origin === 'constant-inside')
    return `${use.value}${more}`;
  return `${use.value} (${words[use.origin]})${more}`;
}

export function pathArgument(name: string, use: PathUse): Argument {
  return { name, origin: use.origin, ...(use.value === undefined ? {} : { value: use.value }) };
}

const secretPattern =
  /^\/etc\/(?:shadow|gshadow|sudoers|krb5\.keytab|ssl\/private\/)|\/\.ssh\/|\/id_(?:rsa|ed25519|ecdsa|dsa)\b|\/\.aws\/|\/\.kube\/|\/\.docker\/config|\/\.netrc\b|\/\.git-credentials\b|\/\.pgpass\b|\/run\/secrets\/|\/proc\/(?:self|\d+)\/(?:environ|mem|maps)\b|\/application_default_credentials/;

/** True for files that hold keys, tokens or passwords on ordinary machines. */
export function isSecret(path: string): boolean {
  return secretPattern.test(path.slice(0, 4096));
}

const endlessPattern =
  /^(?:file:\/\/)?\/(?:dev\/(?:zero|full|random|urandom|stdin|tty\w*|tcp\/.*|udp\/.*|fd\/\d+|console|ptmx|kmsg|hwrng)|proc\/(?:self|thread-self|\d+)\/fd\/\d+|proc\/kmsg|proc\/kcore)$/;

/** True for devices that never end or wait for somebody. */
export function isEndless(path: string): boolean {
  return endlessPattern.test(path.slice(0, 4096));
}
