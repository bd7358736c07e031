// How the user's own pip is set up, as far as it decides where TensorFlow comes from, and which of that is refused. Names settings, never
// their values where those may hold a password.
import { AirlockError, printable } from '../core/index.ts';
import { isLoopbackHost, isSafeUrl } from '../feeds/index.ts';

export interface PipSettings {
  /** The index; may hold user and password. Undefined where pip may ask none (`no-index`). */
  readonly indexUrl: string | undefined;
  /** Folders of this machine in which pip looks for files too. */
  readonly findLinks: readonly string[];
  /** Path of a file with certificate authorities. */
  readonly cert: string | undefined;
}

/** pip's own default, which is what a machine without any configuration asks (pip/_internal/models/index.py). */
const defaultIndex = 'https://pypi.org/simple';

/** What `--requirement` and its like name are files that may hold `--extra-index-url` themselves, and `pip config list` shows their names only. */
const fileSettings = ['requirement', 'constraint', 'build-constraint', 'group', 'requirements-from-script'] as const;

/** A text as Python's repr() writes it; undefined for anything else. */
export function readPythonText(text: string): string | undefined {
  const quote = text[0];
  if ((quote !== "'" && quote !== '"') || text.length < 2 || text.at(-1) !== quote) return undefined;
  const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };
  return text.slice(1, -1).replace(/\\(x[0-9a-f]{2}|u[0-9a-f]{4}|.)/gs, (_, code: string) => {
    if (code.length > 1) return String.fromCharCode(Number.parseInt(code.slice(1), 16));
    return Object.hasOwn(escapes, code) ? escapes[code] : code;
  });
}

/**
 * The settings that count for `pip download`, from what `pip config list` printed. As pip has it: the section of the command wins over
 * `global`, and the environment over both; an empty value is none.
 */
export function parsePipConfig(listed: string): ReadonlyMap<string, string> {
  const order = ['global', 'download', ':env:'];
  const found = new Map<string, { readonly rank: number; readonly value: string }>();
  for (const line of listed.split('\n')) {
    const equals = line.indexOf('=');
    const dot = line.lastIndexOf('.', equals);
    if (equals === -1 || dot === -1) continue;
    const rank = order.indexOf(line.slice(0, dot));
    const value = readPythonText(line.slice(equals + 1).trim());
    const key = line.slice(dot + 1, equals).toLowerCase();
    if (rank === -1 || value === undefined || value.trim() === '') continue;
    if (rank >= (found.get(key)?.rank ?? -1)) found.set(key, { rank, value });
  }
  return new Map(Array.from(found, ([key, { value }]) => [key, value]));
}

/** pip's idea of true (strtobool). */
function isOn(value: string | undefined): boolean {
  return /^(?:y|yes|t|true|on|1)$/i.test(value ?? '');
}

function words(value: string | undefined): readonly string[] {
  return (value ?? '').split(/\s+/).filter((word) => word !== '');
}

/** `PIP_FIND_LINKS` for `find-links`: what a user can look for in both places. */
function named(key: string): string {
  return `${key} (in pip's configuration, or ${`pip_${key}`.replaceAll('-', '_').toUpperCase()})`;
}

function refuse(key: string, why: string): AirlockError {
  return new AirlockError('RUNTIME_UNOFFICIAL', {
    message: `pip's setting ${named(key)} ${why}; unset it for this command, for example with PIP_CONFIG_FILE=/dev/null and PIP_INDEX_URL=…`,
  });
}

/**
 * Refuses what would let TensorFlow come from more than one index or from one that anybody on the way can be: `extra-index-url`, `trusted-host`,
 * an index by http or by another name of the setting, files with further requirements, and `find-links` to anything but a folder of this machine. pip gives no index priority over another, so a package with a
 * higher version on any of them wins (dependency confusion). Folders stay allowed: closed networks have nothing else, and a file from one
 * still has to have the SHA-256 of the pin.
 * @throws RUNTIME_UNOFFICIAL, naming the setting
 */
export function checkPipSettings(values: ReadonlyMap<string, string>): PipSettings {
  if (words(values.get('extra-index-url')).length > 0) throw refuse('extra-index-url', 'adds a further package index');
  const hosts = words(values.get('trusted-host')).filter((host) => !isLoopbackHost(host.replace(/:\d+$/, '')));
  if (hosts.length > 0) throw refuse('trusted-host', `turns off the check of certificates for ${printable(hosts[0])}`);
  for (const key of fileSettings)
    if (words(values.get(key)).length > 0) throw refuse(key, 'names a file that may add further package indexes');
  // pip takes it for index-url, whichever of the two comes last.
  if (values.has('pypi-url')) throw refuse('pypi-url', 'is another name of index-url');
  if (isOn(values.get('pre'))) throw refuse('pre', 'asks for releases that are not final');
  const indexUrl = values.get('index-url')?.trim() ?? defaultIndex;
  const isIndexOff = isOn(values.get('no-index'));
  if (!isIndexOff && !(URL.canParse(indexUrl) && isAllowedIndex(new URL(indexUrl))))
    throw refuse('index-url', 'is not an https address');
  const findLinks = words(values.get('find-links'));
  for (const link of findLinks) {
    const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(link)?.[1].toLowerCase();
    const isHere = scheme === undefined || scheme === 'file' || (URL.canParse(link) && isLoopbackHost(new URL(link).hostname));
    if (!isHere) throw refuse('find-links', 'adds a further place on the network');
  }
  return { indexUrl: isIndexOff ? undefined : indexUrl, findLinks, cert: values.get('cert') };
}

/** A folder as index is as good as one in find-links. */
function isAllowedIndex(url: URL): boolean {
  return url.protocol === 'file:' || isSafeUrl(url);
}
