// The door of saved-model: SavedModels as folders, and the text and chunked forms of models in wire format.
export { assetFilesOf } from './asset-files.ts';
export { readChunkedModel } from './chunked-model.ts';
export { savedModelRules } from './rules.ts';
export { type SavedModelFacts, type SavedModelJudges, savedModelPrefixes, scanSavedModelFolder } from './scan-saved-model.ts';
export { readTextModel, type TextModelFormat } from './text-model.ts';
