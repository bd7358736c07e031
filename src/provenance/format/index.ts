// The door of format: bundles, statements and manifests as bytes and text. Decides what a signature says, never whether it is
// true.
export { type MakeManifestOptions, makeManifest } from './make-manifest.ts';
export { isCanonicalName, isIgnored, maxIgnored, signatureNames, singleFileName } from './manifest.ts';
export { bundleMediaType, dssePayloadType, modelSignatureType, modelSignatureTypeV02, statementType } from './media-types.ts';
export { maxBundleBytes, parseBundle } from './parse-bundle.ts';
export { maxFiles, parseStatement } from './parse-statement.ts';
export { preAuthEncoding, preAuthEncodingV02 } from './pre-auth-encoding.ts';
export { readManifest } from './read-manifest.ts';
export { parseStrictJson, type StrictJsonLimits } from './strict-json.ts';
