// From airlock.yaml to a checked, frozen configuration. Relative paths mean: relative to the file, not to where the command was
// started. Nothing is read from the environment, so what a server does can be seen in one file.
import { dirname, resolve } from 'node:path';
import type { Config } from './config-types.ts';
import { configSchema } from './schema.ts';
import { resolveTrust } from './trust-schema.ts';
import { configError, schemaViolations } from './violations.ts';
import { configKind, parseYamlText, readYamlText } from './yaml-file.ts';

/**
 * Reads and checks a configuration of at most 256 KiB.
 * CONFIG_NOT_FOUND when the file cannot be opened; CONFIG_INVALID lists every mistake in `violations`.
 */
export async function loadConfig(path: string): Promise<Config> {
  const file = resolve(path);
  return checkConfig(parseYamlText(await readYamlText(file, configKind), file, configKind), dirname(file), file);
}

/** Checks values as YAML gives them (integers as bigint) and fills in the defaults; `baseDirectory` is where relative paths start. */
export function checkConfig(values: unknown, baseDirectory: string, detail?: string): Config {
  const result = configSchema.safeParse(values, { reportInput: true });
  if (!result.success) throw configError(schemaViolations(result.error.issues), detail);
  const absolute = (path: string) => resolve(baseDirectory, path);
  const { trust, models, store, runtime, scan, ...rest } = result.data;
  return freezeDeep({
    ...rest,
    store: absolute(store),
    runtime: { ...runtime, ...(runtime.pins === undefined ? {} : { pins: absolute(runtime.pins) }) },
    scan: {
      ...scan,
      ...(scan.suppressions === undefined ? {} : { suppressions: absolute(scan.suppressions) }),
      ...(scan.webhook === undefined ? {} : { webhook: { ...scan.webhook, secretFile: absolute(scan.webhook.secretFile) } }),
    },
    ...(trust === undefined ? {} : { trust: resolveTrust(trust, absolute) }),
    models: models.map((model) => ({
      ...model,
      path: absolute(model.path),
      ...(model.contract === undefined ? {} : { contract: absolute(model.contract) }),
      rehearsal: {
        ...model.rehearsal,
        ...(model.rehearsal.golden === undefined ? {} : { golden: absolute(model.rehearsal.golden) }),
      },
    })),
  });
}

function freezeDeep<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(freezeDeep);
  }
  return value;
}
