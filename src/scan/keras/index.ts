// The door of keras: what configurations and archives of Keras can do. It reads them as data; nothing of a model is ever built or called.
export { isJsonList, isJsonObject, type JsonList, type JsonObject, type JsonValue } from './json-types.ts';
export { type ReadJson, type ReadJsonOptions, readJson } from './read-json.ts';
