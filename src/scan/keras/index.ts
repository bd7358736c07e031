// The door of keras: what configurations and archives of Keras can do. It reads them as data; nothing of a model is ever built or called.
export type { ConfigPlace } from './config-frame.ts';
export { isJsonList, isJsonObject, type JsonList, type JsonObject, type JsonValue } from './json-types.ts';
export { type ConfigFacts, type JudgeConfigOptions, judgeKerasConfig } from './judge-config.ts';
export { type JudgedText, judgeKerasText } from './judge-text.ts';
export { type ReadJson, type ReadJsonOptions, readJson } from './read-json.ts';
export { kerasRules } from './rules.ts';
export { type KerasMember, type ScanKerasOptions, scanKerasArchive } from './scan-archive.ts';
export { type ScanHdf5Options, scanHdf5 } from './scan-hdf5.ts';
export { scanKerasJson, scanKerasYaml } from './scan-json.ts';
export { scanKerasMetadata } from './scan-metadata.ts';
export type { KerasWeight } from './weight-tensors.ts';
