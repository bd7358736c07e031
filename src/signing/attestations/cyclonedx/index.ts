// The door of cyclonedx: a bill of materials of one model. The only importer of the CycloneDX library.
export { assertValidBom } from './check-bom.ts';
export { type ModelBomOptions, maxListedFiles, modelBom } from './model-bom.ts';
