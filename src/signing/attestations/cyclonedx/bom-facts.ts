// What statements say about one model, gathered for a bill of materials. Where two statements contradict each other it refuses: a document
// that chose one of them in silence would be worth less than none.
import { AirlockError, printable } from '../../../core/index.ts';
import { type Predicates, type Release, readPredicate, releaseOf } from '../../../provenance/attestations/index.ts';
import type { FoundStatement } from '../found-statements.ts';

export interface BomFacts {
  readonly release: Release | undefined;
  readonly training: Predicates['training'] | undefined;
  readonly slsa: Predicates['slsa'] | undefined;
  readonly contract: Predicates['contract'] | undefined;
  readonly scans: readonly Predicates['scan'][];
  readonly evaluations: readonly Predicates['evaluation'][];
}

/** @throws USAGE when a statement cannot be read, or when two of a type that can be true once only say different things */
export function bomFacts(statements: readonly FoundStatement[]): BomFacts {
  const releases = distinct(statements, 'release').map((found) => {
    const release = releaseOf(found.statement);
    if (release === undefined) throw refusal(found, 'does not name a model and a version');
    return release;
  });
  if (releases.length > 1) throw contradiction('release');
  return {
    release: releases[0],
    training: single(statements, 'training'),
    slsa: single(statements, 'slsa'),
    contract: single(statements, 'contract'),
    scans: all(statements, 'scan'),
    evaluations: all(statements, 'evaluation'),
  };
}

/** Statements of a type; those of several signers that say the same count once. */
function distinct(statements: readonly FoundStatement[], type: FoundStatement['type']): FoundStatement[] {
  const bySaying = new Map<string, FoundStatement>();
  for (const found of statements.filter((each) => each.type === type))
    bySaying.set(JSON.stringify(found.statement.predicate), bySaying.get(JSON.stringify(found.statement.predicate)) ?? found);
  return [...bySaying.values()];
}

function all<Type extends keyof Predicates>(statements: readonly FoundStatement[], type: Type): Predicates[Type][] {
  return distinct(statements, type).map((found) => {
    const { predicate, violations } = readPredicate(type, found.statement.predicate);
    if (violations !== undefined) throw refusal(found, `cannot be read at ${violations[0].path}`);
    return predicate;
  });
}

function single<Type extends keyof Predicates>(statements: readonly FoundStatement[], type: Type): Predicates[Type] | undefined {
  const [first, ...more] = all(statements, type);
  if (more.length > 0) throw contradiction(type);
  return first;
}

function contradiction(type: string): AirlockError {
  const message = `There are several ${type} statements that say different things; with --public-key those of one key count`;
  return new AirlockError('USAGE', { message });
}

function refusal({ file }: FoundStatement, what: string): AirlockError {
  return new AirlockError('USAGE', { message: `${printable(file, 200)} ${what}` });
}
