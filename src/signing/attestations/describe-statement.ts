// One line about what a statement says. Everything in it is somebody's text and passes printable(); that it is said does not make it true.
import { printable } from '../../core/index.ts';
import { type Predicates, readPredicate, releaseOf, worstSeverity } from '../../provenance/attestations/index.ts';
import { readManifest } from '../../provenance/format/index.ts';
import type { FoundStatement } from './found-statements.ts';

/** Printable, at most some hundred characters. */
export function describeStatement({ type, statement }: Pick<FoundStatement, 'type' | 'statement'>): string {
  switch (type) {
    case 'model':
      return describeModel(statement);
    case 'other':
      return printable(statement.predicateType, 128);
    case 'release': {
      const release = releaseOf(statement);
      return release === undefined ? unreadable : `${printable(release.model, 128)}, version ${release.version}`;
    }
    default: {
      return described(type, statement.predicate);
    }
  }
}

const unreadable = 'cannot be read';

function describeModel(statement: FoundStatement['statement']): string {
  try {
    const { files, root } = readManifest(statement);
    return `${files.length} ${files.length === 1 ? 'file' : 'files'}, root ${root.slice(0, 16)}`;
  } catch {
    return unreadable;
  }
}

function described<Type extends keyof Predicates>(type: Type, value: unknown): string {
  const { predicate, violations } = readPredicate(type, value);
  if (violations === undefined) return texts[type](predicate);
  const [{ path, expected, got }] = violations;
  return `${unreadable}${path === '' ? '' : ` at ${path}`}: expected ${expected}, got ${got}`;
}

const texts: { readonly [Type in keyof Predicates]: (predicate: Predicates[Type]) => string } = {
  slsa: ({ buildDefinition, runDetails }) =>
    `built by ${printable(runDetails.builder.id, 128)} as ${printable(buildDefinition.buildType, 128)}`,
  training: ({ data, code, framework, trainedAt }) =>
    `${data.length} data ${data.length === 1 ? 'set' : 'sets'}, code ${printable(code.revision, 48)}${code.dirty === true ? ' with changes' : ''}, ` +
    `${printable(framework.name)} ${printable(framework.version)}, ${timeText(trainedAt)}`,
  scan: ({ verdict, findings, scanner, scannedAt }) => {
    const worst = worstSeverity(findings);
    const found = worst === undefined ? 'no findings' : `findings up to ${worst}`;
    return `${verdict}, ${found}, by ${printable(scanner.name)} ${printable(scanner.version)}, ${timeText(scannedAt)}`;
  },
  contract: ({ contract }) => `${printable(contract.id, 128)}, revision ${contract.revision}, ${contract.digest.slice(0, 16)}`,
  evaluation: ({ data, metrics, evaluatedAt }) => {
    const shown = [...metrics].slice(0, 8).map(([name, value]) => `${printable(name, 32)} ${value}`);
    const more = metrics.size > shown.length ? ` and ${metrics.size - shown.length} more` : '';
    return `${shown.join(', ')}${more} on ${printable(data.name)}, ${timeText(evaluatedAt)}`;
  },
};

function timeText(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
