// The kinds of value that airlock.yaml is made of. Nothing is coerced: a number in quotes is not a number, and `yes` is not true.
// Each refusal carries what was expected and what came, for violations.ts to show.
import { isIP, isIPv4 } from 'node:net';
import { z } from 'zod';
import { printable } from '../core/index.ts';
import type { ListenAddress } from './config-types.ts';

const maxInt64 = 2n ** 63n - 1n;

/** Characters between the scheme of a URL and its host; browsers' rules take either slash, and for http none at all. */
const slashes = /^[/\\]+/;
const schemeAlone = /^\s*(?:https?|wss?|ftp):$/i;

/**
 * Text in which `…` stands for what a URL may have before its last `@`: a name and a password, which may hold any character where somebody forgot to escape it. Text that only
 * looks so loses a part as well, since what cannot be read as a URL may still be meant as one.
 */
function withoutUserInfo(text: string): string {
  const to = text.lastIndexOf('@');
  const from = text.indexOf(':') + 1;
  if (from === 0 || to < from) return text;
  const [separator] = slashes.exec(text.slice(from, to)) ?? [''];
  const scheme = text.slice(0, from);
  const shown = separator === '' && !schemeAlone.test(scheme) ? '' : scheme + separator;
  return `${shown}…${text.slice(to)}`;
}

/** A value as a message may show it: short, on one line, without control characters and without the user of a URL. */
export function describeValue(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'a mapping';
  if (typeof value === 'string') return `"${printable(withoutUserInfo(value))}"`;
  return printable(String(value));
}

/** A field that `read` turns from YAML's value into ours; `undefined` means that it is not `expected`. */
export function field<T>(rule: string, expected: string, read: (value: unknown) => T | undefined) {
  return z.unknown().transform((value, context): T => {
    const result = read(value);
    if (result !== undefined) return result;
    context.addIssue({ code: 'custom', message: expected, params: { rule, expected, got: describeValue(value) } });
    return z.NEVER;
  });
}

/** A whole number from `min` to `max`, both included and both below 2^53. */
export function wholeNumber(min: number, max: number) {
  return field('integer', `a whole number from ${min} to ${max}`, (value) => {
    // YAML's integers arrive as bigint, so that 2^53+1 is not rounded into the bounds.
    if (typeof value !== 'bigint' || value < BigInt(min) || value > BigInt(max)) return undefined;
    return Number(value);
  });
}

/** A version of a model: 0 to 2^63-1, as TensorFlow Serving has them. */
export function versionNumber() {
  return field('version', 'a version number from 0 to 2^63-1', (value) =>
    typeof value === 'bigint' && value >= 0n && value <= maxInt64 ? value : undefined,
  );
}

/** Text of 1 to `maxLength` UTF-16 units that a screen shows as it is, and in which `forbidden` does not occur. */
export function plainText(what: string, maxLength: number, forbidden?: RegExp) {
  return field('text', `${what} of 1 to ${maxLength} printable characters${forbidden ? ' without / and :' : ''}`, (value) => {
    if (typeof value !== 'string' || value === '' || value.length > maxLength) return undefined;
    return printable(value, maxLength) === value && !forbidden?.test(value) ? value : undefined;
  });
}

/** A version of TensorFlow, three numbers. */
export function tensorflowVersion() {
  return field('version', 'a TensorFlow version such as 2.21.0', (value) =>
    typeof value === 'string' && /^\d{1,4}\.\d{1,4}\.\d{1,4}$/.test(value) ? value : undefined,
  );
}

/** `host:port`. The host is an IP address or `localhost`, which means 127.0.0.1: a name could lead anywhere by the time it is looked up. */
export function listenAddress() {
  return field('address', 'an IP address and a port such as 127.0.0.1:8501 or [::1]:8501', (value): ListenAddress | undefined => {
    const parts = typeof value === 'string' ? /^(?:\[([0-9a-fA-F:.]{2,45})\]|([^:[\]]{1,15})):(\d{1,5})$/.exec(value) : null;
    if (parts === null) return undefined;
    const host = parts[1] ?? (parts[2] === 'localhost' ? '127.0.0.1' : parts[2]);
    const port = Number(parts[3]);
    return isIP(host) === (parts[1] === undefined ? 4 : 6) && port <= 65_535 ? { host, port } : undefined;
  });
}

/** True for addresses that only programs of this machine reach. */
export function isLoopback(host: string): boolean {
  return host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}
