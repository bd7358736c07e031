// Where packages come from: indexes, hosts without certificates, folders of files. Only asked for files that install TensorFlow or Keras. Digests in
// front of every file take the point out of most of it, so what remains is low then.
import type { Severity } from '../../core/index.ts';
import type { RuleName } from '../rules.ts';
import type { Finding, IndexUse } from '../supply-chain-types.ts';
import { makeFinding } from './make-finding.ts';

/** The official index and the host of its files. */
const officialHosts: ReadonlySet<string> = new Set(['pypi.org', 'files.pythonhosted.org', 'pypi.python.org']);

/** Undefined when it is the official one. `hashed`: every TensorFlow and Keras that the file installs has a digest. */
export function judgeIndex(use: IndexUse, hashed: boolean): Finding | undefined {
  const { option, value } = use;
  if (option === 'trusted-host' || option === 'no-verify')
    return finding(
      use,
      'trusted-host',
      `${option === 'no-verify' ? 'verify_ssl = false' : '--trusted-host'} for ${value}`,
      hashed ? 'medium' : 'high',
    );
  const place = placeOf(value);
  if (place.host === 'test.pypi.org') return finding(use, 'other-index', `${value} is the index for trying out uploads`, 'high');
  if (place.insecure) return finding(use, 'insecure-index', `${value} has no TLS`, hashed ? 'medium' : 'high');
  if (officialHosts.has(place.host)) return undefined;
  if (option === 'find-links') {
    const severity = hashed ? 'low' : place.host === '' ? 'medium' : 'high';
    return finding(use, 'find-links', `--find-links ${value}`, severity);
  }
  if (option === 'extra-index-url')
    return finding(use, 'extra-index', `${value} is asked for every package`, hashed ? 'low' : 'high');
  return finding(use, 'other-index', `packages come from ${value}`, hashed ? 'low' : 'medium');
}

/** Whether a lock names another index. */
export function isOfficialIndex(url: string): boolean {
  const { host, insecure } = placeOf(url);
  return !insecure && officialHosts.has(host);
}

function placeOf(value: string): { readonly host: string; readonly insecure: boolean } {
  try {
    const { hostname, protocol } = new URL(value);
    return { host: hostname.replace(/\.$/, ''), insecure: protocol === 'http:' || protocol === 'ftp:' };
  } catch {
    return { host: '', insecure: false };
  }
}

const fixes: Readonly<Record<string, string>> = {
  'trusted-host': 'remove this setting; give pip the certificate with --cert instead',
  'extra-index':
    'remove this line; if other packages need the index: one index that mirrors both, or an explicit index for those packages only (uv: explicit = true)',
  'other-index': '--index-url https://pypi.org/simple, or digests for every package (--require-hashes)',
  'insecure-index': '--index-url https://pypi.org/simple',
  'find-links': 'remove this line, or give every package its digest (--require-hashes)',
};

function finding(use: IndexUse, rule: RuleName, message: string, severity: Severity): Finding {
  return makeFinding(rule, { place: use.place, message, severity, fix: fixes[rule] ?? '' });
}
