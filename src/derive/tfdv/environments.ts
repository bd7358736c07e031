// Which features of a TFDV schema are expected in a data set: environments and stages of life, with TFDV's own rules.
import { AirlockError, printable } from '../../core/index.ts';
import { type Feature, LifecycleStage, type Schema } from './gen/tensorflow_metadata/schema_pb.ts';

/**
 * A feature is in an environment when it, or the schema's default, names it, and it does not exclude it. Without an environment every
 * feature counts.
 */
export function isInEnvironment(feature: Feature, schema: Schema, environment: string | undefined): boolean {
  if (environment === undefined) return true;
  const isNamed = feature.inEnvironment.includes(environment) || schema.defaultEnvironment.includes(environment);
  return isNamed && !feature.notInEnvironment.includes(environment);
}

/**
 * A name that the schema never uses is most likely misspelt, and would leave every feature out.
 * @throws USAGE, with the names that the schema uses.
 */
export function assertEnvironmentIsKnown(schema: Schema, environment: string): void {
  const known = new Set(schema.defaultEnvironment);
  for (const { inEnvironment, notInEnvironment } of schema.feature)
    for (const name of [...inEnvironment, ...notInEnvironment]) known.add(name);
  if (known.has(environment)) return;
  const names = [...known].slice(0, 10).map((name) => printable(name));
  throw new AirlockError('USAGE', {
    message: `The schema knows no environment ${printable(environment)}; it names ${names.length === 0 ? 'none' : names.join(', ')}`,
  });
}

/** `checked` by TFDV; `unchecked`: may be there, may be missing, may hold anything; `derived`: made by TFDV, never in a request. */
export type Stage = 'checked' | 'unchecked' | 'derived';

const unchecked: ReadonlySet<LifecycleStage> = new Set([
  LifecycleStage.PLANNED,
  LifecycleStage.ALPHA,
  LifecycleStage.DEPRECATED,
  LifecycleStage.DEBUG_ONLY,
  LifecycleStage.DISABLED,
]);

export function stageOf({ lifecycleStage, deprecated }: Pick<Feature, 'lifecycleStage' | 'deprecated'>): Stage {
  if (deprecated === true) return 'unchecked';
  if (lifecycleStage === LifecycleStage.VALIDATION_DERIVED) return 'derived';
  return lifecycleStage !== undefined && unchecked.has(lifecycleStage) ? 'unchecked' : 'checked';
}
