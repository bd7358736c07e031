// The names by which the layers of a model signature call themselves. They are compared exactly: what calls itself otherwise is
// something else, and nobody may add a form here that parse-bundle.ts or parse-statement.ts does not read to its last key.

/** The only form of a Sigstore bundle that is read. */
export const bundleMediaType = 'application/vnd.dev.sigstore.bundle.v0.3+json';

/** What a DSSE envelope says about its payload when that is an in-toto Statement. */
export const dssePayloadType = 'application/vnd.in-toto+json';

/** `_type` of a Statement. */
export const statementType = 'https://in-toto.io/Statement/v1';

/** `predicateType` of an OpenSSF Model Signature. */
export const modelSignatureType = 'https://model_signing/signature/v1.0';

/**
 * `predicateType` that model-signing 0.2 wrote: one subject per file, no predicate to speak of. Only for signers with `accept:
 * [v0.2]`.
 */
export const modelSignatureTypeV02 = 'https://model_signing/Digests/v0.1';
