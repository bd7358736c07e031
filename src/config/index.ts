// The door of config: airlock.yaml and its defaults. Imports core only.
export type {
  BatchingConfig,
  ConcurrencyConfig,
  Config,
  HttpLimits,
  LimitsConfig,
  ListenAddress,
  ListenConfig,
  ModelConfig,
  ModelLimits,
  ModelRecordingConfig,
  OpLimits,
  OutputTolerance,
  PatchWithin,
  RateLimit,
  RateLimits,
  RecordingConfig,
  RehearsalConfig,
  RequestLimits,
  RolloutConfig,
  RuntimeConfig,
  SandboxConfig,
  ScanConfig,
  ShareLimits,
  SlowViolators,
  ToleranceConfig,
  VersionPolicy,
  WebhookConfig,
  WorkersConfig,
} from './config-types.ts';
export { describeValue } from './fields.ts';
export { configForFolder, type FolderOverrides, modelNameOf } from './folder-config.ts';
export { trustOfKey } from './key-trust.ts';
export { loadConfig } from './load-config.ts';
export { nearestName } from './nearest-name.ts';
export { defaultRehearsalConfig } from './rehearsal-schema.ts';
export { defaultRuntimeConfig } from './runtime-schema.ts';
export { defaultScanConfig } from './scan-schema.ts';
export { nextTime, parseSchedule, type Schedule } from './schedule.ts';
export { policyFits } from './trust-schema.ts';
export type {
  AttestationDemand,
  AttestationType,
  CertificateIdentity,
  CertificateSigner,
  DeniedConfig,
  KeySigner,
  LegacyForm,
  PolicyConfig,
  SignerConfig,
  SigstoreSigner,
  TrustConfig,
} from './trust-types.ts';
export { formatPath, schemaViolations, type UnknownKey, unknownKeyViolation, violationsError } from './violations.ts';
export { weakenings } from './weakenings.ts';
export { parseYamlText, readYamlText, type YamlKind } from './yaml-file.ts';
