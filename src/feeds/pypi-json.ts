// The vulnerabilities in a document of an index's JSON API (/pypi/NAME/json or /pypi/NAME/VERSION/json), as PyPI and some mirrors have it. It lists those
// of one version only and names no range: each is taken for affecting everything before its last fix, until a better source says more.
import { z } from 'zod';
import { compareVersions, idPattern, type PackageName, type PublishedRecord, packages } from '../advisories/index.ts';
import { printable } from '../core/index.ts';
import { titleOf } from './osv-record.ts';

const vulnerability = z.looseObject({
  id: z.string().regex(idPattern),
  aliases: z.array(z.string().max(60)).max(64).nullish(),
  summary: z.string().max(10_000).nullish(),
  details: z.string().max(1_000_000).nullish(),
  fixed_in: z.array(z.string().max(60)).max(200).nullish(),
  withdrawn: z.iso.datetime({ offset: true }).nullish(),
});

const document = z.looseObject({
  info: z.looseObject({ name: z.string().max(200), version: z.string().max(60) }),
  vulnerabilities: z.array(vulnerability).max(10_000),
});

export interface PypiVulnerabilities {
  readonly name: PackageName;
  readonly version: string;
  readonly records: readonly PublishedRecord[];
}

export function isPypiJson(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'info' in value && 'vulnerabilities' in value;
}

/** A string says why it cannot be used. */
export function readPypiJson(value: unknown): PypiVulnerabilities | string {
  const parsed = document.safeParse(value);
  if (!parsed.success) {
    const [{ path, message }] = parsed.error.issues;
    return printable(`${path.join('.')}: ${message}`, 200);
  }
  const { info, vulnerabilities } = parsed.data;
  const lower = info.name.toLowerCase();
  const name = packages.find((one) => one === lower || (one === 'tensorflow' && /^tensorflow[-_.](?:cpu|gpu)$/.test(lower)));
  if (name === undefined) return `it is about ${printable(info.name, 60)}, not about TensorFlow or Keras`;
  const { version } = info;
  if (compareVersions(version, '0') === undefined) return `${printable(version, 60)} is no version`;
  const records = vulnerabilities.map((one): PublishedRecord => {
    const last = lastFix(one.fixed_in ?? [], version);
    return {
      id: one.id,
      aliases: [...new Set((one.aliases ?? []).filter((alias) => idPattern.test(alias) && alias !== one.id))].sort(),
      modified: '',
      ...(one.withdrawn == null ? {} : { withdrawn: new Date(one.withdrawn).toISOString().slice(0, 10) }),
      title: titleOf(one.summary ?? '', one.details ?? '', one.id),
      affected: { [name]: [{ introduced: '0', ...(last === undefined ? {} : { fixed: last }) }] },
    };
  });
  return { name, version, records };
}

/** Undefined when none is after the version that is said to be affected: then there is no end that could be believed. */
function lastFix(fixes: readonly string[], version: string): string | undefined {
  const [last] = fixes.filter((one) => compareVersions(one, '0') !== undefined).sort((a, b) => compareVersions(b, a) ?? 0);
  return last !== undefined && (compareVersions(last, version) ?? 0) > 0 ? last : undefined;
}
