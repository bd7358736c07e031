// The door of config: airlock.yaml and its defaults. Imports core only.
export type {
  Config,
  HttpLimits,
  LimitsConfig,
  ListenAddress,
  ListenConfig,
  ModelConfig,
  ModelLimits,
  RequestLimits,
  RuntimeConfig,
  SandboxConfig,
  VersionPolicy,
} from './config-types.ts';
export { configForFolder } from './folder-config.ts';
export { loadConfig } from './load-config.ts';
export { weakenings } from './weakenings.ts';
